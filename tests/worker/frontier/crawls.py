"""A real Scrapy crawl in the test's own loop, without a reactor, with our components or with Scrapy's."""

from typing import Any

import scrapy
from scrapy.crawler import AsyncCrawlerRunner, Crawler
from scrapy.settings import Settings

from crawlfleet_worker.frontier.components import middlewares
from crawlfleet_worker.frontier.own_pace import pacing_settings
from crawlfleet_worker.frontier.ports import Wiring, wire
from crawlfleet_worker.frontier.slots import Slots
from tests.worker.frontier.fakes import FakePacer, MemoryJars, MemoryRobots

BASE = {
    "TWISTED_REACTOR_ENABLED": False,
    "TELNETCONSOLE_ENABLED": False,
    "REMOTE_CONTROL_ENABLED": False,
    "LOG_LEVEL": "ERROR",
    "ROBOTSTXT_OBEY": False,
    "RETRY_TIMES": 2,
}


class OneByOne(scrapy.Spider):
    """Fetches `requests` and notes what came of each."""

    name = "one"

    def __init__(self, requests: Any = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.requests = requests
        self.got: list[Any] = []
        self.failed: list[Any] = []

    async def start(self):
        for request in self.requests:
            yield request.replace(callback=request.callback or self.parse, errback=self.note, dont_filter=True)

    def parse(self, response, **kwargs):
        self.got.append(response)

    def note(self, failure):
        self.failed.append(failure.value)


def ours(spider_class=OneByOne, pacer=None, robots=None, jars=None, obeys=lambda host: False, **settings) -> Crawler:
    """Return a crawler with all four rooms, which `run` starts."""
    found = Settings(BASE, priority="project")
    found.setdict(settings, priority="project")
    crawler = Crawler(spider_class, found)
    crawler.settings.setdict(dict(pacing_settings(crawler.settings, spider_class).values), priority="cmdline")
    crawler.settings.set("DOWNLOADER_MIDDLEWARES", middlewares(crawler.settings), priority="cmdline")
    wiring = Wiring(pacer or FakePacer(), Slots(), robots or MemoryRobots(), jars or MemoryJars(), obeys_robots=obeys)
    wire(crawler, wiring)
    return crawler


def stock(spider_class=OneByOne, **settings) -> Crawler:
    """Return a crawler that is all Scrapy's."""
    return Crawler(spider_class, Settings({**BASE, **settings}, priority="project"))


async def run(crawler: Crawler, *requests: scrapy.Request):
    """Crawl to the end and return the spider."""
    await AsyncCrawlerRunner(crawler.settings).crawl(crawler, requests=requests)
    return crawler.spider
