"""Statistics without a look at the name for every access.

Replaces: `StatsCollector.__getattribute__`, which for each attribute first tries another one, to warn of a `spider`
argument. The methods warn as before.
Steps aside: any other class than MemoryStatsCollector, or one whose methods were replaced.
Holds for: Scrapy 2.19.
"""

from typing import Final

from scrapy.crawler import Crawler
from scrapy.statscollectors import MemoryStatsCollector, StatsCollector
from scrapy.utils.decorators import _warn_spider_arg

from crawlfleet_worker.fast.stock import StepAside, require_class, require_defined_in

_WARNING: Final = ("get_value", "get_stats", "set_value", "set_stats", "inc_value", "max_value", "min_value")
_RARE: Final = ("clear_stats", "open_spider", "close_spider")


def install(crawler: Crawler) -> None:
    """Let the crawler's statistics be reached directly. StepAside where they are not Scrapy's own."""
    stats = crawler.stats
    if stats is None:
        raise StepAside("no statistics yet")
    require_class(stats, MemoryStatsCollector)
    for name in (*_WARNING, *_RARE):
        require_defined_in(getattr(MemoryStatsCollector, name), "scrapy")
    stats.__class__ = PlainStatsCollector


class PlainStatsCollector(MemoryStatsCollector):
    """Scrapy's collector, its methods wrapped once for the class."""

    __getattribute__ = object.__getattribute__


for _name in (*_WARNING, *_RARE):
    setattr(PlainStatsCollector, _name, _warn_spider_arg(getattr(StatsCollector, _name)))
