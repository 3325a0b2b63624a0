"""Crawls with seeded faults, each class in 15 of them; scrapy-redis beside ours where a worker is killed."""

import atexit
import os
from collections.abc import Mapping
from contextlib import ExitStack
from functools import cache
from typing import Any, Final

from benchmarks.chaos import seeds
from benchmarks.records import Evidence
from tests.worker.worker_process import Zygote


@cache
def forks() -> Zygote:
    """Return the process that forks the workers of all seeds; it ends with this one."""
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(seeds.zygote())


def run(seed: int) -> Mapping[str, Any]:
    """Run one seed. What went wrong stands in its record: a failure is evidence too."""
    load = os.getloadavg()[0]
    return {**seeds.of_seed(seed, forks()), "load_before": round(load, 2)}


EVIDENCE: Final = Evidence(
    name="chaos",
    question="does a crawl lose, invent or repeat anything when something dies (100 and more seeds, every class)?",
    paths=(
        "frontier/src/**/*.py",
        "frontier/src/**/*.lua",
        "crawler_image/src/**/*.py",
        "benchmarks/chaos/**/*.py",
        "benchmarks/monotonic.py",
        "benchmarks/studies/chaos.py",
        "tests/servers/*",
        "tests/worker/fleet.py",
        "tests/worker/worker_process.py",
        "tests/worker/zygote.py",
        "tests/worker/frontier/jobs.py",
    ),
    seeds=tuple(range(1, 151)),
    budget_seconds=5000.0,
    run=run,
)
