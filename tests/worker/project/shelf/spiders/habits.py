"""What users lean on beside requests and items: attributes, closed(), files, proxies."""

import asyncio
import json
import os
import pathlib

import scrapy

from shelf.spiders.shelf import Follow


class Counting(Follow):
    """Counts in an attribute, and says at its end what it knows."""

    name = "counting"
    met = 0

    def parse(self, response):
        self.met += 1
        yield from super().parse(response)

    def closed(self, reason):
        received = self.crawler.stats.get_value("response_received_count", 0)
        self.logger.warning("closed %s", json.dumps({"reason": reason, "met": self.met, "received": received}))


class Feeding(Follow):
    """Writes a feed of its own, named by the pod."""

    name = "feeding"

    @classmethod
    def update_settings(cls, settings):
        super().update_settings(settings)
        target = f"{settings['FEED_FOLDER']}/{os.environ['CRAWLFLEET_POD_UID']}.jsonl"
        settings.set("FEEDS", {target: {"format": "jsonlines"}}, priority="spider")


class Keeping(scrapy.Spider):
    """Has Scrapy's own FilesPipeline fetch a file for each page."""

    name = "keeping"
    custom_settings = {"ITEM_PIPELINES": {"scrapy.pipelines.files.FilesPipeline": 1}}  # noqa: RUF012

    def __init__(self, base="", **kwargs):
        super().__init__(**kwargs)
        self.start_urls = [f"{base}/page-{n}.html" for n in range(3)]

    def parse(self, response):
        yield {"url": response.url, "file_urls": [response.urljoin(f"/file-{response.url[-6]}.bin")]}


class Proxied(Follow):
    """Sends everything through a proxy."""

    name = "proxied"

    def __init__(self, proxy="", **kwargs):
        super().__init__(**kwargs)
        self.proxy = proxy

    async def start(self):
        for url in self.start_urls:
            yield scrapy.Request(url, meta={"proxy": self.proxy})

    def parse(self, response):
        yield {"url": response.url}
        for link in response.css("a::attr(href)").getall():
            yield response.follow(link, meta={"proxy": self.proxy})


class Gated(scrapy.Spider):
    """Makes a file `called` in its folder, gives an item when there is a file `item`, and ends with one of `end`."""

    name = "gated"

    def __init__(self, start="", folder="", **kwargs):
        super().__init__(**kwargs)
        self.start_urls, self.folder = [start], pathlib.Path(folder)

    async def parse(self, response):
        (self.folder / "called").touch()
        await self.gate("item")
        yield {"url": response.url}
        await self.gate("end")

    async def gate(self, name):
        while not (self.folder / name).exists():  # noqa: ASYNC110 - a file tells nobody
            await asyncio.sleep(0.02)
