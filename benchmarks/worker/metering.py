"""When does a Scrapy crawl begin and end, for the meter?"""

from typing import Self

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.statscollectors import StatsCollector

from benchmarks.worker.meter import Meter


class Metering:
    """Measures a Scrapy crawl between `spider_opened` and `spider_closed`: nothing of it runs for each page."""

    def __init__(self, stats: StatsCollector) -> None:
        self._stats = stats

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Connect to the two signals."""
        if crawler.stats is None:
            raise RuntimeError("no stats collector yet")
        extension = cls(crawler.stats)
        crawler.signals.connect(extension.begin, signals.spider_opened)
        crawler.signals.connect(extension.end, signals.spider_closed)
        return extension

    def begin(self) -> None:
        """Count from here."""
        self._meter = Meter()

    def end(self) -> None:
        """Write what it came to."""
        self._meter.write(self._stats.get_value("item_scraped_count", 0))
