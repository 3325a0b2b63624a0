"""How much of a worker's CPU time goes to the reading of pages: their trees, the queries, the links?"""

from collections.abc import Iterable
from typing import Final

from benchmarks.worker import watched
from benchmarks.worker.inputs import Input
from benchmarks.worker.sampling import STACKS_FILE

READING: Final = (
    "parsel.",
    "scrapy.selector",
    "scrapy.linkextractors",
    "crawlfleet_worker.fast.selectors:",
    "crawlfleet_worker.fast.extraction:",
)
"""Beginnings of the functions that read pages, and call lxml for it."""


def share_of(given: Input, spider: str) -> float:
    """Let a worker of ours crawl the site once more, its stack looked at for each millisecond of CPU time."""
    return share(watched.written_of(given, spider, "benchmarks.worker.sampled", STACKS_FILE, "ours").splitlines())


def share(lines: Iterable[str]) -> float:
    """Return the share of the looks, `outer;…;inner count` each, at which a page was read; 0 without a look."""
    seen = reading = 0
    for line in lines:
        stack, _, count = line.rpartition(" ")
        seen += int(count)
        reading += int(count) * any(function.startswith(READING) for function in stack.split(";"))
    return reading / seen if seen else 0.0
