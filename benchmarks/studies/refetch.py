"""A killed worker's work, fetched again: 50 kills, in half of which its pod goes on and in half of which it is gone."""

from collections.abc import Mapping
from typing import Any, Final

from benchmarks import refetch
from benchmarks.records import Evidence
from benchmarks.studies import pace

KILLS: Final = 10
GOAL_SECONDS: Final = 10.0


def run(seed: int) -> Mapping[str, Any]:
    """Kill ten workers of one crawl; raises AssertionError where something came again after more than the goal."""
    figures = refetch.run(KILLS, seed)
    assert figures["seconds_max"] <= GOAL_SECONDS, figures  # noqa: S101
    return figures


EVIDENCE: Final = Evidence(
    name="refetch",
    question="how soon is what a killed worker had in hand fetched again (10 s at most, over 50 kills)?",
    paths=(*pace.EVIDENCE.paths, "benchmarks/refetch.py", "benchmarks/studies/refetch.py"),
    seeds=tuple(range(1, 6)),
    budget_seconds=120.0,
    run=run,
)
"""A seed is one crawl of two workers, of which ten are killed one after the other."""
