"""2,000 CrawlJobs at rest: what they cost our operator, and what the same ones cost a no-op kopf operator."""

import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from benchmarks import many_jobs
from benchmarks.operator_plane import CODE
from benchmarks.records import Evidence

JOBS: Final = 2000
SECONDS_AT_REST: Final = 60.0


def run(jobs: int) -> Mapping[str, Any]:
    """Measure all operators over so many jobs; raises AssertionError where ours writes more than it may."""
    load = os.getloadavg()[0]
    costs = many_jobs.run(jobs, SECONDS_AT_REST)
    for name, cost in costs.items():
        if name.startswith("crawlfleet"):
            assert cost.seconds_to_see_all is not None, cost  # noqa: S101
            assert (cost.writes_at_rest, cost.writes_per_change) == (0, 1.0), cost  # noqa: S101
    return {
        "jobs": jobs,
        "seconds_at_rest": SECONDS_AT_REST,
        "load_before": round(load, 2),
        "costs": {name: asdict(cost) for name, cost in costs.items()},
    }


EVIDENCE: Final = Evidence(
    name="many-jobs",
    question="what do 2,000 CrawlJobs at rest cost the operator, and what a no-op kopf operator in the same run?",
    paths=(
        *CODE,
        "benchmarks/many_jobs.py",
        "benchmarks/noop_kopf.py",
        "benchmarks/operator_plane.py",
        "benchmarks/studies/many_jobs.py",
    ),
    seeds=(JOBS,),
    budget_seconds=1200.0,
    run=run,
)
"""The one seed is the number of jobs: all operators are measured over the same jobs, so that it is done whole."""
