"""How does a first crawl go without code? One spider, whose rules come from YAML in an environment variable.

In a CrawlJob the variable comes from a ConfigMap (`workers.env`, `configMapKeyRef`). The keys: docs/generic-
spider.md.
"""

import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import urldefrag, urlsplit

from scrapy import Request, Spider, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response, TextResponse

from crawlfleet_worker.exits import ExitCode, WorkerExit
from crawlfleet_worker.generic_config import ConfigError, FieldRule, GenericConfig, parse_config

VARIABLE = "CRAWLFLEET_GENERIC_SPIDER"


class GenericSpider(Spider):
    """Follows links by rules and makes items by selectors."""

    name = "generic"
    config: GenericConfig

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: str, **kwargs: str) -> "GenericSpider":
        """Read the configuration; WorkerExit 67 names the key that is wrong."""
        spider = super().from_crawler(crawler, *args, **kwargs)
        spider.config = read_config()
        crawler.signals.connect(spider.keep_to_allowed_hosts, signal=signals.request_scheduled)
        return spider

    def keep_to_allowed_hosts(self, request: Request) -> None:
        """Drop a request for another host, wherever it comes from: seeds, links and redirects."""
        host = urlsplit(request.url).hostname or ""
        if not self.config.allows(host):
            self.logger.debug("Not in allowed_hosts: %s", request.url)
            raise IgnoreRequest(f"{host} is not in allowed_hosts")

    def parse(self, response: Response, **kwargs: object) -> Iterator[Any]:
        """Yield the page's item and the links to follow."""
        if not isinstance(response, TextResponse):
            return
        if self.config.gives_item(response.url):
            item = self.item_of(response)
            if item is not None:
                yield item
        yield from self.links_of(response)

    def item_of(self, response: TextResponse) -> dict[str, Any] | None:
        """Return the item of the page, `url` first; None where a required field is missing."""
        item: dict[str, Any] = {"url": response.url}
        for name, rule in self.config.fields.items():
            value = _extract(response, rule)
            if rule.required and not value:
                return None
            item[name] = value
        return item

    def links_of(self, response: TextResponse) -> Iterator[Request]:
        """Yield a request for each link that a rule follows, once a page."""
        links = (link for rule in self.config.follow for link in rule.extractor.extract_links(response))
        urls = dict.fromkeys(urldefrag(link.url).url for link in links)
        for url in urls:
            if self.config.allows(urlsplit(url).hostname or ""):
                yield response.follow(url)


def read_config() -> GenericConfig:
    """Read the configuration from the environment; WorkerExit 67 where it is missing or wrong."""
    text = os.environ.get(VARIABLE, "")
    if not text.strip():
        message = f"{VARIABLE} is missing: set it in spec.workers.env with valueFrom.configMapKeyRef"
        raise WorkerExit(ExitCode.SPIDER_START_FAILED, message)
    try:
        return parse_config(text)
    except ConfigError as error:
        raise WorkerExit(ExitCode.SPIDER_START_FAILED, f"{VARIABLE}: {error}") from None


def _extract(response: TextResponse, rule: FieldRule) -> str | list[str] | None:
    found = response.css(rule.css) if rule.css is not None else response.xpath(rule.xpath or "")
    texts = [text.strip() for text in found.getall()]
    if rule.all:
        return texts
    return texts[0] if texts else None
