"""20,000 answers of a hostile server: does our HTTP handler leave anything behind, or send anything again?"""

import asyncio
import gc
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks.records import Evidence
from tests.worker.http import hostility

TIMES: Final = 20
AT_A_TIME: Final = 64


def run(seed: int) -> Mapping[str, Any]:
    """Take each behaviour twenty times; raises AssertionError where something stays open or was sent again."""
    counts = asyncio.run(hostility.everything(TIMES, AT_A_TIME))
    gc.collect()
    standing = len(hostility.standing())
    assert standing == 0, f"run {seed}: {standing} downloads are still there"  # noqa: S101
    return {**counts, "standing": standing, "allocated_blocks": sys.getallocatedblocks(), "rss_mib": _rss_mib()}


def _rss_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)


EVIDENCE: Final = Evidence(
    name="http-hostile",
    question="do 20,000 answers of a hostile server leave anything behind, or have a request sent again?",
    paths=(
        "crawler_image/src/crawlfleet_worker/http/*.py",
        "tests/servers/scripted.py",
        "tests/worker/http/behaviours.py",
        "tests/worker/http/fetching.py",
        "tests/worker/http/hostility.py",
        "benchmarks/studies/http_hostile.py",
    ),
    seeds=tuple(range(1, 11)),
    budget_seconds=120.0,
    run=run,
)
"""A seed is two thousand answers, all in one process: what is allocated after the first and the last compare."""
