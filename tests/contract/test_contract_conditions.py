"""docs/conditions.md against the enumerations that the operator writes from."""

import re

from crawlfleet.conditions import ConditionType, Reason
from crawlfleet.diagnose import FATAL_REASONS, WORKER_EXITS
from tests.contract.tables import table

ROWS = table("conditions.md", "condition")


def names(cell):
    return set(re.findall(r"[A-Z][A-Za-z]+", cell))


def test_every_reason_is_documented_and_every_documented_reason_exists():
    documented = set().union(*(names(row["reason"]) for row in ROWS))
    assert documented == {reason.value for reason in Reason}


def test_every_condition_is_documented():
    assert {row["condition"] for row in ROWS} == {type_.value for type_ in ConditionType}


def test_what_stops_a_worker_is_a_reason_of_progressing():
    blocked = set().union(
        *(names(row["reason"]) for row in ROWS if (row["condition"], row["status"]) == ("Progressing", "False"))
    )
    assert {exit_.reason.value for exit_ in WORKER_EXITS.values()} <= blocked
    assert {reason.value for reason in FATAL_REASONS} <= blocked
