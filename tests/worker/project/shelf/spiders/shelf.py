"""One spider for each way in which users write them."""

# ruff: noqa: RUF012, PLC0415 - written as users write spiders
import dataclasses
import datetime

import scrapy
from scrapy.linkextractors import LinkExtractor
from scrapy.spiders import CrawlSpider, Rule
from scrapy_redis.spiders import RedisCrawlSpider, RedisSpider


class Follow(scrapy.Spider):
    """Follows every link of the page `start`, and makes an item of each page."""

    name = "follow"
    custom_settings = {
        "SCHEDULER": "scrapy.core.scheduler.Scheduler",
        "SCHEDULER_PERSIST": False,
        "REDIS_URL": "redis://127.0.0.1:1/0",
    }

    def __init__(self, start="", **kwargs):
        super().__init__(**kwargs)
        self.start_urls = [url for url in start.split() if url]

    def parse(self, response):
        yield {"url": response.url, "title": response.css("h1::text").get()}
        for link in response.css("a::attr(href)").getall():
            yield response.follow(link)


class Old(scrapy.Spider):
    """Knows start_requests() only, and calls its parent's."""

    name = "old"
    start_urls = []

    def __init__(self, start="", **kwargs):
        super().__init__(**kwargs)
        self.start_urls = start.split()

    def start_requests(self):
        for request in super().start_requests():
            yield request.replace(callback=self.parse_old)

    def parse_old(self, response):
        yield {"url": response.url}


class Rules(CrawlSpider):
    """A CrawlSpider."""

    name = "rules"
    rules = (Rule(LinkExtractor(), callback="parse_item", follow=True),)

    def parse_item(self, response):
        return {"url": response.url}


class Redis(RedisSpider):
    """A spider of scrapy-redis, with its own key."""

    name = "redis"
    redis_key = "elsewhere:start_urls"
    max_idle_time = 1

    def parse(self, response):
        yield {"url": response.url, "meta": response.meta.get("tag")}
        for link in response.css("a::attr(href)").getall():
            yield response.follow(link)


class RedisRules(RedisCrawlSpider):
    """A CrawlSpider of scrapy-redis."""

    name = "redis-rules"
    redis_key = "elsewhere:start_urls"
    rules = (Rule(LinkExtractor(), callback="parse_item", follow=True),)

    def parse_item(self, response):
        return {"url": response.url}


class ManySeeds(scrapy.Spider):
    """start() yields `count` seeds, with a pause before each once `fast` are through."""

    name = "many-seeds"

    def __init__(self, base="", count="100", fast="1000000", **kwargs):
        super().__init__(**kwargs)
        self.base, self.count, self.fast = base, int(count), int(fast)

    async def start(self):
        import asyncio

        for n in range(self.count):
            if n >= self.fast:
                await asyncio.sleep(0.2)
            yield scrapy.Request(f"{self.base}/page/{n}", dont_filter=True)

    def parse(self, response):
        yield {"url": response.url}


class StartRaises(scrapy.Spider):
    """start() raises after its first request."""

    name = "start-raises"

    async def start(self):
        yield scrapy.Request("data:,one")
        raise LookupError("no seeds today")

    def parse(self, response):
        return None


class NeedsArgument(scrapy.Spider):
    """The constructor wants an argument."""

    name = "needs-argument"

    def __init__(self, category, **kwargs):
        super().__init__(**kwargs)


@dataclasses.dataclass
class Book:
    url: str
    seen_at: datetime.date
    tags: set


class Odd(Follow):
    """Items that JSON does not know, callbacks and pipelines that raise, items that are dropped."""

    name = "odd"
    custom_settings = {"ITEM_PIPELINES": {"shelf.pipelines.Picky": 100}}

    def parse(self, response):
        yield Book(response.url, datetime.date(2024, 2, 29), {"a"})
        yield {"drop": True}
        yield {"break": True}
        for link in response.css("a::attr(href)").getall():
            yield response.follow(link, callback=self.parse_badly)

    def parse_badly(self, response):
        raise ZeroDivisionError("a callback that raises")


class Lambda(Follow):
    """Yields a request that no queue can hold."""

    name = "lambda"

    def parse(self, response):
        yield response.follow("/page/1", callback=lambda response: None)
        yield {"url": response.url}


class Fifo(Follow):
    """Chooses scrapy-redis' FIFO queue, a LIST; it fetches slowly enough to be seen."""

    name = "fifo"
    custom_settings = {"SCHEDULER_QUEUE_CLASS": "scrapy_redis.queue.FifoQueue", "DOWNLOAD_DELAY": 0.02}


class OnReactor(Follow):
    """Wants Twisted's reactor."""

    name = "on-reactor"
    custom_settings = {"TWISTED_REACTOR_ENABLED": True}


class LambdaSlow(Follow):
    """Yields a request that no queue can hold, to a server that does not answer."""

    name = "lambda-slow"

    def parse(self, response):
        yield response.follow("/hang/1", callback=lambda response: None)
