"""What the frontier costs Redis, beside scrapy-redis on the same server: `make bench-frontier`, figure by figure."""

from collections.abc import Mapping
from typing import Any, Final

from benchmarks.frontier.measuring import all_figures, measured
from benchmarks.records import Evidence


def run(number: int) -> Mapping[str, Any]:
    """Take the figure of this number, in all its rounds."""
    return measured(all_figures()[number])


EVIDENCE: Final = Evidence(
    name="frontier",
    question="what does the frontier cost Redis in CPU, calls, memory and distance, beside scrapy-redis?",
    paths=(
        "frontier/src/crawlfleet_frontier/**/*.py",
        "frontier/src/crawlfleet_frontier/**/*.lua",
        "benchmarks/frontier/*.py",
        "benchmarks/studies/frontier.py",
    ),
    seeds=tuple(range(len(all_figures()))),
    budget_seconds=1200.0,
    run=run,
)
"""A seed is the number of a figure."""
