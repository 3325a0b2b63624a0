"""Do we reach into Scrapy's engine at moments only at which it can be reached into?"""

import asyncio
import logging

import scrapy
from scrapy.core.scheduler import Scheduler
from scrapy.crawler import AsyncCrawlerRunner, Crawler
from scrapy.settings import Settings
from scrapy.utils.defer import deferred_from_coro

from crawlfleet_worker.engine import EngineHandle
from tests.worker.frontier.crawls import BASE


class WokenEarly(Scheduler):
    """Its queue has news while it still opens, as a fleet's may have."""

    def open(self, spider):
        super().open(spider)
        EngineHandle(self.crawler).wake()
        return deferred_from_coro(asyncio.sleep(0.05))


class OnePage(scrapy.Spider):
    """Fetches one page."""

    name = "one-page"
    start_urls = ("data:,page",)

    def parse(self, response):
        return {"text": response.text}


async def test_woken_before_it_is_open_it_does_not_fail(caplog):
    caplog.set_level(logging.ERROR)
    failed = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: failed.append(context))
    crawler = Crawler(OnePage, Settings({**BASE, "SCHEDULER": WokenEarly}, priority="project"))
    await AsyncCrawlerRunner(crawler.settings).crawl(crawler)
    assert crawler.stats.get_value("item_scraped_count") == 1
    assert (failed, caplog.messages) == ([], [])
