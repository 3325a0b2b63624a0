"""What the fast paths replace for the whole process, and how a test puts it back."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final

import parsel.selector
import scrapy.downloadermiddlewares.redirect
import scrapy.downloadermiddlewares.stats
import scrapy.http
import scrapy.http.request
import scrapy.http.response.text
import scrapy.selector.unified
from scrapy.linkextractors.lxmlhtml import LxmlLinkExtractor, LxmlParserLinkExtractor
from scrapy.spiders import CrawlSpider
from scrapy.utils.trackref import object_ref

from crawlfleet_worker.fast.rooms import ROOMS

PROCESS_WIDE: Final[tuple[tuple[Any, str], ...]] = (
    (scrapy.http.request, "safe_url_string"),
    (scrapy.http.response.text, "urljoin"),
    (scrapy.http.response.text, "get_base_url"),
    (scrapy.http.TextResponse, "encoding"),
    (scrapy.http.TextResponse, "text"),
    (scrapy.http.Headers, "normkey"),
    (scrapy.http.Headers, "__contains__"),
    (scrapy.http.Headers, "get"),
    (scrapy.http.Headers, "setdefault"),
    (scrapy.http.Headers, "update"),
    (scrapy.http.Headers, "items"),
    (object_ref, "__new__"),
    (scrapy.Request, "__init__"),
    (scrapy.http.TextResponse, "follow"),
    (scrapy.http.TextResponse, "xpath"),
    (scrapy.http.TextResponse, "css"),
    (scrapy.selector.Selector, "xpath"),
    (scrapy.selector.Selector, "css"),
    (scrapy.selector.Selector, "get"),
    (scrapy.selector.Selector, "extract"),
    (scrapy.selector.unified, "get_base_url"),
    (scrapy.downloadermiddlewares.redirect, "get_meta_refresh"),
    (scrapy.downloadermiddlewares.redirect, "urlparse_cached"),
    (scrapy.downloadermiddlewares.stats, "request_httprepr"),
    (scrapy.downloadermiddlewares.stats, "get_status_size"),
    (CrawlSpider, "_parse"),
    (CrawlSpider, "_callback"),
    (LxmlParserLinkExtractor, "_extract_links"),
    (LxmlLinkExtractor, "_process_links"),
)


@contextmanager
def in_place(*rooms: str) -> Iterator[None]:
    """Put these process-wide fast paths in place, and Scrapy's own code back at the end."""
    stock = [(owner, name, vars(owner).get(name, getattr(owner, name))) for owner, name in PROCESS_WIDE]
    html_parser = parsel.selector._ctgroup["html"]["_parser"]
    try:
        for room in rooms:
            import_module(ROOMS[room]).install(None)
        yield
    finally:
        for owner, name, function in stock:
            setattr(owner, name, function)
        parsel.selector._ctgroup["html"]["_parser"] = html_parser
