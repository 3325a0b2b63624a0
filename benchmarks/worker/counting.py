"""How often is each Python function called for a page? The same on every machine, which a time is not.

An extension for the bench's project: cProfile counts from one response to another, when the crawl is in full swing.
"""

import cProfile
import json
import os
from collections import Counter
from pathlib import Path
from types import CodeType
from typing import Final, Self

from scrapy import signals
from scrapy.crawler import Crawler

from benchmarks.worker.sampling import named

CALLS_FILE: Final = "CRAWLFLEET_BENCH_CALLS"
"""The file for the counts, in the environment: JSON, function → calls."""

FIRST: Final = 500
LAST: Final = 2000
"""From this response to that one: between them pages are met that are new and known, and nothing is made first."""


class Counting:
    """Counts the calls of Python functions (not of C's) between two responses."""

    def __init__(self) -> None:
        self._responses = 0
        self._profile = cProfile.Profile(builtins=False)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Connect to the signal that comes once for each page."""
        counting = cls()
        crawler.signals.connect(counting.received, signals.response_received)
        return counting

    def received(self) -> None:
        """Begin, or end, or neither."""
        self._responses += 1
        if self._responses == FIRST:
            self._profile.enable()
        elif self._responses == LAST:
            self._profile.disable()
            Path(os.environ[CALLS_FILE]).write_text(json.dumps(self._counts(), indent=0, sort_keys=True))

    def _counts(self) -> dict[str, int]:
        found = Counter[str]()
        for entry in self._profile.getstats():
            found[named(entry.code) if isinstance(entry.code, CodeType) else entry.code] += entry.callcount
        return found
