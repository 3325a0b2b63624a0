"""Whole spiders, with the fast paths and without: the same items, signals, statistics and warnings."""

import asyncio

import pytest
import scrapy
from scrapy.exceptions import CloseSpider, DropItem, IgnoreRequest
from scrapy.http import HtmlResponse
from scrapy.linkextractors import LinkExtractor
from scrapy.spidermiddlewares.base import BaseSpiderMiddleware
from scrapy.spidermiddlewares.httperror import HttpError
from scrapy.spiders import CrawlSpider, Rule

from crawlfleet_worker.fast.rooms import ROOMS
from tests.worker.fast.crawling import assert_same, twice
from tests.worker.frontier.server import Answer, Arrival, serving

PAGES = 12


def site(arrival: Arrival) -> Answer:
    """A page per number with links of every kind; some are missing, moved or broken."""
    name = arrival.path.strip("/").partition("?")[0]
    if name.startswith("missing"):
        return Answer(404)
    if name.startswith("broken"):
        return Answer(500)
    if name.startswith("moved"):
        return Answer(302, headers=(("Location", f"/page/{name[5:]}"),), body=b"")
    if name.startswith("policy"):
        return Answer(headers=(("Referrer-Policy", "no-referrer"),), body=b'<a href="/page/1">1</a>')
    number = int("".join(filter(str.isdigit, name)) or 0) % PAGES
    links = [f"/page/{(number * 3 + k) % PAGES}" for k in range(3)]
    links += [f"/missing{number}", f"/moved{number}", "/policy", f"../page/{number}?b=1&a=2", "//off.example/x", "#top"]
    links += ["/broken"] if number == 5 else []
    return Answer(body=f"<h1>{name}</h1>{''.join(f'<a href={link!r}>x</a>' for link in links)}".encode())


class Plain(scrapy.Spider):
    """A generator that yields items, requests and nothing."""

    name = "plain"

    def __init__(self, start="", **kwargs):
        super().__init__(**kwargs)
        self.start_urls = [start]
        self.allowed_domains = ["127.0.0.1"]

    def parse(self, response, depth=0):
        yield {"url": response.url, "title": response.css("h1::text").get(), "depth": response.meta.get("depth")}
        yield None
        for link in response.css("a::attr(href)").getall():
            yield response.follow(link, cb_kwargs={"depth": depth + 1}, errback=self.failed)

    def failed(self, failure):
        yield {"failed": failure.value.__class__.__name__}


class Listing(Plain):
    """Returns a list."""

    def parse(self, response, depth=0):
        return list(super().parse(response, depth))


class Later(Plain):
    """An async generator that waits."""

    async def parse(self, response, depth=0):
        for one in Plain.parse(self, response, depth):
            await asyncio.sleep(0)
            yield one


class Awaited(Plain):
    """A coroutine that returns a list."""

    async def parse(self, response, depth=0):
        await asyncio.sleep(0)
        return list(Plain.parse(self, response, depth))


class Raising(Plain):
    """Raises in the middle of what it yields, at once, and in an errback."""

    def parse(self, response, depth=0):
        number = response.url[-1]
        if number == "3":
            raise ValueError("at once")
        for place, one in enumerate(super().parse(response, depth)):
            if number == "4" and place == 4:
                raise KeyError("in the middle")
            if number == "7" and place == 3:
                raise HttpError(response, "of its own")
            if number == "8" and place == 3:
                raise IgnoreRequest("of its own")
            yield one

    def failed(self, failure):
        raise RuntimeError("in the errback")


class Closing(Plain):
    """Closes itself."""

    def parse(self, response, depth=0):
        yield from super().parse(response, depth)
        if depth == 1:
            raise CloseSpider("enough")


class Rules(CrawlSpider):
    """Follows rules."""

    name = "rules"
    rules = (Rule(LinkExtractor(allow="page"), callback="item", follow=True),)

    def __init__(self, start="", **kwargs):
        super().__init__(**kwargs)
        self.start_urls = [start]

    def item(self, response):
        return {"url": response.url}


class ManyRules(Rules):
    """Follows rules of several kinds, whose callbacks yield, wait, return a list, and raise."""

    rules = (
        Rule(LinkExtractor(allow="page/[0-3]$"), callback="yields", cb_kwargs={"of": "first"}, follow=True),
        Rule(LinkExtractor(allow="page/[4-6]", canonicalize=True), callback="waits", follow=True, errback="failed"),
        Rule(LinkExtractor(allow="page/[78]", restrict_text="x"), callback="lists", process_links="some"),
        Rule(LinkExtractor(allow="moved", tags=("a", "area"), attrs=("href", "title")), callback="later"),
        Rule(
            LinkExtractor(tags="*", deny=("page/10", "off")),
            callback="raises",
            process_request="marked",
            errback="failed",
        ),
    )

    def parse_start_url(self, response):
        yield {"start": response.url}

    def process_results(self, response, results):
        for one in results:
            yield {**one, "processed": True}

    def yields(self, response, of):
        yield {"url": response.url, "of": of, "text": response.meta["link_text"]}

    async def waits(self, response):
        await asyncio.sleep(0)
        return [{"url": response.url}]

    async def later(self, response):
        yield {"later": response.url}

    def lists(self, response):
        return [{"url": response.url}]

    def raises(self, response):
        raise LookupError("at once")

    def failed(self, failure):
        yield {"failed": failure.request.url}

    def some(self, links):
        return links[1:]

    def marked(self, request, response):
        return request.replace(meta={**request.meta, "marked": True})


class OwnRules(Rules):
    """Has a method of its own in the place of Scrapy's."""

    async def parse_with_rules(self, response, *given, **named):
        yield {"own": response.url}
        async for one in super().parse_with_rules(response, *given, **named):
            yield one


class Pipeline:
    def process_item(self, item):
        if item.get("title") == "page/2":
            raise DropItem("two")
        if item.get("title") == "page/6":
            raise ValueError("six")
        return {**item, "passed": True}


class WaitingPipeline:
    async def process_item(self, item):
        await asyncio.sleep(0.001)
        return item


class DeferringPipeline:
    """Returns what has to be waited for, without being a coroutine function."""

    def process_item(self, item):
        return WaitingPipeline().process_item(item)


class Judging(BaseSpiderMiddleware):
    """One of the user's, in the new form: drops, changes and raises."""

    def get_processed_request(self, request, response):
        if request.url.endswith("9"):
            return None
        if request.url.endswith("/page/10"):
            raise LookupError("ten")
        request.meta["judged"] = True
        return request

    def get_processed_item(self, item, response):
        return {**item, "judged": True}


class OldOutput:
    """One of the user's, with a process_spider_output of its own."""

    async def process_spider_output(self, response, result):
        async for one in result:
            yield one


class Rescuing:
    """One of the user's that turns exceptions into items."""

    def process_spider_exception(self, response, exception):
        return [{"rescued": type(exception).__name__}]


class Refusing:
    """One of the user's that refuses some pages on their way in."""

    def process_spider_input(self, response):
        if response.url.endswith("5"):
            raise TypeError("five")


class Answering:
    """A downloader middleware of the user's, in the new form: answers, sends elsewhere, refuses, and errs."""

    def process_request(self, request):
        if request.url.endswith("/page/2"):
            return HtmlResponse(request.url, body=b"<h1>of its own</h1><a href='/page/3'>3</a>", request=request)
        if request.url.endswith("/page/4"):
            return request.replace(url=request.url + "?elsewhere", dont_filter=True)
        if request.url.endswith("/page/6"):
            raise IgnoreRequest("six")
        return "garbage" if request.url.endswith("/page/7") else None

    def process_response(self, request, response):
        if request.url.endswith("/page/8") and "again" not in request.meta:
            return request.replace(meta={**request.meta, "again": True}, dont_filter=True)
        return None if request.url.endswith("/page/9") else response


class AnsweringLater:
    """The same in coroutines."""

    async def process_request(self, request):
        await asyncio.sleep(0)
        return Answering().process_request(request)

    async def process_response(self, request, response):
        await asyncio.sleep(0)
        return Answering().process_response(request, response)


class AnsweringOfOld:
    """The same with the spider as an argument."""

    def process_request(self, request, spider):
        assert spider.name
        return Answering().process_request(request)

    def process_response(self, request, response, spider):
        assert spider.name
        return Answering().process_response(request, response)


class Marked(Plain):
    """Gives its requests what the middlewares look at, and goes off site."""

    def parse(self, response, depth=0):
        request = response.request
        known = {name: value for name, value in response.meta.items() if name != "download_latency"}
        yield {"url": response.url, "meta": known, "from": request.headers.get("Referer"), "priority": request.priority}
        more = [
            {},
            {"meta": {"depth_reset": True}},
            {"meta": {"referrer_policy": "origin"}},
            {"meta": {"redirect_times": 1}},
            {"meta": {"own": 1}, "headers": {"Referer": "http://own.example/"}, "priority": 3},
            {"meta": dict(response.meta), "dont_filter": depth < 2},
            {"encoding": "utf-16"},
        ]
        for link, how in zip(response.css("a::attr(href)").getall(), more * 3, strict=False):
            yield response.follow(link, cb_kwargs={"depth": depth + 1}, **how)
        yield scrapy.Request("http://elsewhere.example/", dont_filter=False)
        yield {"deepest": self.crawler.stats.get_value("request_depth_max")}


CASES = {
    "marked": (Marked, {}),
    "marked and unheard": (Marked, {"DEAF": True, "DEPTH_PRIORITY": 2}),
    "heard late": (Plain, {"DEAF": True, "LATE": True}),
    "unheard": (Plain, {"DEAF": True}),
    "depths": (Marked, {"DEAF": True, "DEPTH_STATS_VERBOSE": True}),
    "not so deep": (Marked, {"DEPTH_LIMIT": 1}),
    "unheard lengths": (Marked, {"DEAF": True, "URLLENGTH_LIMIT": 31}),
    "answering": (Plain, {"DOWNLOADER_MIDDLEWARES": {Answering: 450}}),
    "answering later": (Plain, {"DOWNLOADER_MIDDLEWARES": {AnsweringLater: 450}}),
    "answering of old": (Plain, {"DOWNLOADER_MIDDLEWARES": {AnsweringOfOld: 450}}),
    "in full": (Plain, {"LOG_LEVEL": "DEBUG"}),
    "plain": (Plain, {}),
    "listing": (Listing, {"ITEM_PIPELINES": {Pipeline: 1}}),
    "later": (Later, {"ITEM_PIPELINES": {Pipeline: 1}}),
    "awaited": (Awaited, {"ITEM_PIPELINES": {Pipeline: 1, WaitingPipeline: 2}, "CONCURRENT_ITEMS": 1}),
    "deferring": (Plain, {"ITEM_PIPELINES": {DeferringPipeline: 1, Pipeline: 2}}),
    "raising": (Raising, {}),
    "closing": (Closing, {}),
    "rules": (Rules, {}),
    "many rules": (ManyRules, {}),
    "own rules": (OwnRules, {}),
    "rules and judging": (ManyRules, {"SPIDER_MIDDLEWARES": {Judging: 500}}),
    "few at a time": (Plain, {"CONCURRENT_REQUESTS_PER_DOMAIN": 2}),
    "with a delay": (Plain, {"DOWNLOAD_DELAY": 0.01}),
    "judging": (Plain, {"SPIDER_MIDDLEWARES": {Judging: 500}}),
    "judging and raising": (Raising, {"SPIDER_MIDDLEWARES": {Judging: 950}}),
    "old output": (Raising, {"SPIDER_MIDDLEWARES": {OldOutput: 500}}),
    "rescuing": (Raising, {"SPIDER_MIDDLEWARES": {Rescuing: 500}}),
    "refusing": (Plain, {"SPIDER_MIDDLEWARES": {Refusing: 500}}),
    "depth and referers": (Plain, {"DEPTH_LIMIT": 2, "DEPTH_PRIORITY": 1, "REFERRER_POLICY": "same-origin"}),
    "lengths": (Plain, {"URLLENGTH_LIMIT": 31}),
}
STEPPED_ASIDE = {"old output": {"CHAIN"}, "rescuing": {"CHAIN"}, "depth and referers": {"REFERERS"}}


@pytest.mark.parametrize("case", CASES)
async def test_a_crawl_comes_to_the_same_with_and_without(case, all_put_back, caplog):
    kind, more = CASES[case]
    settings = {"LOG_LEVEL": "INFO", **more}
    async with serving(site) as server:
        stock, fast = await twice(kind, settings, server, caplog, start=server.url("/page/0"))
    assert set(ROOMS) - set(fast.on) == STEPPED_ASIDE.get(case, set())
    if case == "closing":  # what is under way at that moment differs from run to run
        assert stock.stats["finish_reason"] == fast.stats["finish_reason"] == "enough"
        return
    assert_same(stock, fast)
    assert len(stock.told) > 20
