"""What lives as long as the process is not looked through for garbage again and again.

Replaces: nothing of Scrapy's. Python's collector goes through all objects, of which 130,000 are modules, classes and
settings that stay; a tenth of a worker's time went there. What is alive when the crawl begins is put aside
(`gc.freeze`), and the youngest are looked through after 5,000 more of them have come than gone, not 700.
Steps aside: where the collector is off, or its thresholds were changed.
Holds for: every version (process-wide).
"""

import gc
from typing import Final

from scrapy.crawler import Crawler

from crawlfleet_worker.fast.stock import StepAside

PYTHONS: Final = (700, 10, 10)
"""What CPython 3.11 begins with."""

THRESHOLDS: Final = (5_000, 10, 10)


def install(_crawler: Crawler) -> None:
    """Put aside what is alive. StepAside where somebody has set up the collector in a way of his own."""
    if not gc.isenabled():
        raise StepAside("the garbage collector is off")
    if gc.get_threshold() not in (PYTHONS, THRESHOLDS):
        raise StepAside(f"the garbage collector's thresholds are {gc.get_threshold()}")
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
