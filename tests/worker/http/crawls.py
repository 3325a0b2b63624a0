"""Whole crawls through our handler: the room is put in place as the scheduler does, before the first request."""

from scrapy import signals
from scrapy.crawler import Crawler

from crawlfleet_worker.fast.rooms import ROOMS
from crawlfleet_worker.fast.switches import install


def with_own_http(crawler: Crawler) -> Crawler:
    """Let the crawler download through our handler."""

    def put() -> None:
        assert install(crawler, {"HTTP": ROOMS["HTTP"]}).on == ("HTTP",)

    crawler.signals.connect(put, signals.spider_opened, weak=False)
    return crawler
