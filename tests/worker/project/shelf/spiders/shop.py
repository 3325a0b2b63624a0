"""Spiders that use what Scrapy offers: they are run with the frontier and without it, for the same items."""

# ruff: noqa: RUF012 - written as users write spiders
import asyncio

import scrapy
from scrapy.http import FormRequest, JsonRequest
from scrapy.linkextractors import LinkExtractor
from scrapy.spiders import CrawlSpider, Rule, SitemapSpider


class OfShop(scrapy.Spider):
    def __init__(self, base="", **kwargs):
        super().__init__(**kwargs)
        self.base = base


class Everything(OfShop):
    """Every way of asking and of answering."""

    name = "shop-everything"
    custom_settings = {"RETRY_TIMES": 2}

    async def start(self):
        yield scrapy.Request(f"{self.base}/page/0", cb_kwargs={"depth": (0, "seed")}, errback=self.failed)
        yield FormRequest(f"{self.base}/echo/form", formdata={"a": "1", "b": "zwei"}, callback=self.echo)
        yield JsonRequest(f"{self.base}/echo/json", data={"a": [1, None]}, callback=self.echo)
        yield scrapy.Request(f"{self.base}/echo/put", method="PUT", body=b"bytes", callback=self.echo_later)
        yield scrapy.Request("data:text/plain,inline", callback=self.data)
        yield {"item": "from start"}

    def parse(self, response, depth):
        n = int(response.url.rpartition("/")[2])
        yield {"page": n, "depth": depth[0], "kind": type(depth).__name__, "tag": response.meta.get("tag")}
        if n == 0:
            yield from self.special(response)
        for link in response.css("a::attr(href)").getall():
            if "/skip/" not in link and n < 3:
                yield response.follow(
                    link,
                    cb_kwargs={"depth": (depth[0] + 1, "link")},
                    meta={"tag": "t"},
                    priority=-n,
                    errback=self.failed,
                )

    def special(self, response):
        follow = response.follow
        yield follow("/redirect/echo/moved", self.echo)
        yield follow("/redirect/redirect/echo/twice", self.echo)
        yield follow("/flaky/a", self.at_last)
        yield follow("/status/500", self.at_last, errback=self.failed)
        yield follow("/status/404", self.at_last, errback=self.failed)
        yield follow("/status/404?allowed", self.allowed, meta={"handle_httpstatus_list": [404]})
        yield follow("/status/404?nobody", self.at_last)
        yield scrapy.Request("http://127.0.0.1:1/refused", self.at_last, errback=self.failed, meta={"dont_retry": True})
        yield follow("/echo/lambda", lambda response: {"from a lambda": response.json()})
        yield follow("/echo/again", self.echo)
        yield follow("/echo/again", self.echo)
        yield follow("/echo/twice-on-purpose", self.echo, dont_filter=True)
        yield follow("/echo/twice-on-purpose", self.echo, dont_filter=True)
        yield follow("/echo/boom", self.boom)
        yield follow("/echo/from-errback-parent", self.boom, errback=self.failed)

    def echo(self, response):
        return {"echo": response.json(), "redirects": response.meta.get("redirect_times", 0)}

    async def echo_later(self, response):
        yield {"later": response.json()}

    def data(self, response):
        return {"data": response.text}

    def at_last(self, response):
        return {"at last": response.meta.get("retry_times", 0)}

    def allowed(self, response):
        return {"allowed": response.status}

    def boom(self, response):
        yield {"before": "boom", "at": response.json()["at"]}
        raise ZeroDivisionError

    def failed(self, failure):
        yield {"failed": failure.type.__name__, "path": failure.request.url.rpartition("/")[2]}
        if "404" in failure.request.url:
            yield scrapy.Request(f"{self.base}/echo/from-errback", callback=self.echo)


class ShopRules(CrawlSpider):
    """Rules with and without a callback, arguments, a request that a rule changes."""

    name = "shop-rules"
    rules = (
        Rule(LinkExtractor(allow=r"/page/\d$"), callback="parse_page", cb_kwargs={"size": "small"}, follow=True),
        Rule(LinkExtractor(allow=r"/page/\d\d$"), callback="parse_page", process_request="mark"),
    )

    def __init__(self, base="", **kwargs):
        super().__init__(**kwargs)
        self.start_urls = [f"{base}/page/0"]

    def mark(self, request, response):
        return request.replace(meta={**request.meta, "marked": True})

    def parse_page(self, response, size="large"):
        return {"page": response.css("h1::text").get(), "size": size, "marked": response.meta.get("marked", False)}


class ShopMap(SitemapSpider):
    """From a sitemap, with rules."""

    name = "shop-map"
    sitemap_rules = [("/page/", "parse_page"), ("/echo/", "parse_echo")]

    def __init__(self, base="", **kwargs):
        super().__init__(**kwargs)
        self.sitemap_urls = [f"{base}/sitemap.xml"]

    def parse_page(self, response):
        return {"page": response.css("h1::text").get()}

    def parse_echo(self, response):
        return {"echo": response.json()["at"]}


class ShopLogin(OfShop):
    """Logs in by a form; everything behind it needs the cookie."""

    name = "shop-login"

    async def start(self):
        yield scrapy.Request(f"{self.base}/login")

    def parse(self, response):
        return FormRequest.from_response(response, formdata={"user": "ada", "password": "x"}, callback=self.private)

    def private(self, response):
        yield {"title": response.css("h1::text").get()}
        for link in response.css("a::attr(href)").getall():
            yield response.follow(link, self.private)


class Idle(OfShop):
    """Says when it is idle."""

    name = "idle"

    @classmethod
    def from_crawler(cls, crawler, *args, **kwargs):
        spider = super().from_crawler(crawler, *args, **kwargs)
        crawler.signals.connect(spider.say_so, scrapy.signals.spider_idle)
        return spider

    async def start(self):
        yield scrapy.Request(f"{self.base}/slow/2/a")
        yield scrapy.Request(f"{self.base}/page/1")
        yield scrapy.Request(f"{self.base}/page/2")

    def parse(self, response):
        return {"url": response.url}

    def say_so(self):
        self.logger.info("I am idle")


class ManyOfOne(scrapy.Spider):
    """Makes many requests of one entry of its key."""

    name = "many-of-one"

    def make_request_from_data(self, data):
        base, count = data.decode().split()
        return [scrapy.Request(f"{base}/page/{n}") for n in range(int(count))]

    def parse(self, response):
        return None


class Late(OfShop):
    """Yields what it finds a while after its page has come."""

    name = "late"

    async def start(self):
        yield scrapy.Request(f"{self.base}/page/0")

    async def parse(self, response):
        yield {"url": response.url}
        if response.url.endswith("/page/0"):
            for n in range(1, 9):
                await asyncio.sleep(0.4)
                yield response.follow(f"/page/{n}")
