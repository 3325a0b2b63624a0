"""How many leases were held when Redis had no room left? (Seed 101 once said fewer: they had gone back already.)"""

import math

import pytest

from benchmarks.chaos.faults.memory import held_when


@pytest.mark.parametrize(
    ("refused", "held", "counted"),
    [
        ([False, False, True], [280, 150, 123, 58], 150),
        ([True], [90, 40], 90),
        ([True], [40, 90], 90),
        ([False, True], [7, 7, 7], 7),
    ],
)
def test_what_had_gone_back_before_the_refusal_was_seen_counts(refused, held, counted):
    assert held_when(iter(refused).__next__, iter(held).__next__, math.inf) == counted


def test_nothing_counts_where_nothing_is_refused():
    assert held_when(lambda: False, lambda: 9, 0.0) is None
