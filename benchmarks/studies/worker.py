"""What a page costs one worker: 20,000 generated pages, five rounds in which all sides take turns."""

import os
from collections.abc import Mapping
from typing import Any, Final

from benchmarks.records import Evidence
from benchmarks.worker.__main__ import CODE, check_floor, measure

PAGES: Final = 20_000
ROUNDS: Final = (1, 2, 3, 4, 5)
GOAL: Final = 2.0
"""Times cheaper than scrapy-redis, in CPU."""


def run(_round: int) -> Mapping[str, Any]:
    """Measure one round; raises AssertionError where ours is dearer than the goal, or the floor is none."""
    load = os.getloadavg()[0]
    measured = measure(PAGES, 1)
    check_floor(measured["figures"])
    cpu = measured["figures"]["cpu_seconds_per_1000_pages"]
    assert cpu["scrapy_redis"] >= GOAL * cpu["ours"], cpu  # noqa: S101
    return {"pages": PAGES, "load_before": round(load, 2), **measured["figures"]}


EVIDENCE: Final = Evidence(
    name="worker-bench",
    question="what does a page cost one worker, and what scrapy-redis, vanilla Scrapy and a bare loop beside it?",
    paths=(*CODE, "benchmarks/studies/worker.py"),
    seeds=ROUNDS,
    budget_seconds=3600.0,
    run=run,
)
"""A seed is one round, so that a run that was cut short goes on with the next."""
