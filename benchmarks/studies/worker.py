"""What a page costs a worker: the main cell of `make bench-worker`, 20,000 generated pages, round by round."""

from collections.abc import Mapping
from typing import Any, Final

from benchmarks.records import Evidence
from benchmarks.worker import cells, rounds
from benchmarks.worker.inputs import INPUTS

CELL: Final = next(cell for cell in cells.asked_for([]) if cell.is_main)


def run(number: int) -> Mapping[str, Any]:
    """Let all sides crawl the site, one after the other. AssertionError: a page was not fetched exactly once."""
    with INPUTS[CELL.input](CELL.pages) as given:
        taken = dict(rounds.one_round(given, CELL.spider, CELL.sides, number))
    return {side: taken[side] for side in CELL.sides}


EVIDENCE: Final = Evidence(
    name="worker",
    question="what does a page cost a worker, beside scrapy-redis, Scrapy, a bare loop and colly?",
    paths=(
        "frontier/src/crawlfleet_frontier/**/*.py",
        "frontier/src/crawlfleet_frontier/**/*.lua",
        "crawler_image/src/crawlfleet_worker/**/*.py",
        "benchmarks/worker/**/*.py",
        "benchmarks/worker/colly/*",
        "benchmarks/studies/worker.py",
    ),
    seeds=tuple(range(1, CELL.rounds + 1)),
    budget_seconds=1800.0,
    run=run,
)
"""A seed is a round."""
