"""The pace of every host, judged at its server: fleets, delays, open requests; plain and real Scrapy workers."""

import os
from collections.abc import Mapping
from typing import Any, Final

from benchmarks.pace.cells import all_cells
from benchmarks.pace.load import prefer
from benchmarks.pace.measuring import measure
from benchmarks.records import Evidence


def run(number: int) -> Mapping[str, Any]:
    """Measure one cell. Whatever comes of it is kept: a gap below the delay is a figure, not a reason to try again."""
    load, preferred = os.getloadavg()[0], prefer()
    return {"load_before": round(load, 2), "before_other_work": preferred, **measure(all_cells()[number])}


EVIDENCE: Final = Evidence(
    name="pace",
    question="is every host's pace kept by the whole fleet, as its server sees it, and how much of it is used?",
    paths=(
        "frontier/src/crawlfleet_frontier/**/*.py",
        "frontier/src/crawlfleet_frontier/**/*.lua",
        "crawler_image/src/crawlfleet_worker/**/*.py",
        "benchmarks/pace/*.py",
        "benchmarks/monotonic.py",
        "benchmarks/studies/pace.py",
    ),
    seeds=tuple(range(len(all_cells()))),
    budget_seconds=3600.0,
    run=run,
)
"""A seed is the number of a cell."""
