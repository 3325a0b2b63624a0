"""From a grown queue to patched replicas: 50 fresh jobs at 1 and at 20 active ones."""

import os
from collections.abc import Mapping
from typing import Any, Final

from benchmarks import scale_latency
from benchmarks.operator_plane import CODE
from benchmarks.records import Evidence

JOBS: Final = 50
ACTIVE: Final = (1, 20)
GOAL_SECONDS: Final = 2.0


def run(active: int) -> Mapping[str, Any]:
    """Measure with so many active jobs; raises AssertionError where the 95th percentile is above the goal."""
    load = os.getloadavg()[0]
    samples = scale_latency.run(JOBS, active)
    summaries = scale_latency.summaries(samples)
    assert all(each["p95"] <= GOAL_SECONDS for each in summaries.values()), summaries  # noqa: S101
    return {"load_before": round(load, 2), "seconds": samples, "summary": summaries}


EVIDENCE: Final = Evidence(
    name="scale-latency",
    question="how soon does a grown queue give patched replicas (p95 at most 2 s)?",
    paths=(
        *CODE,
        "benchmarks/operator_plane.py",
        "benchmarks/scale_latency.py",
        "benchmarks/studies/scale_latency.py",
        "tests/api/fleet.py",
        "tests/api/simulated_worker.py",
    ),
    seeds=ACTIVE,
    budget_seconds=600.0,
    run=run,
)
"""A seed is the number of jobs that are active at once."""
