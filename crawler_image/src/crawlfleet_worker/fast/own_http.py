"""HTTP/1.1 over connections of our own, where Scrapy 2.19 goes through aiohttp.

Replaces: `AiohttpDownloadHandler`, which stays behind it for requests that ours leaves alone (`http.outgoing`).
Steps aside: another handler, by DOWNLOAD_HANDLERS or with Twisted's reactor; a subclass, or replaced methods.
Holds for: Scrapy 2.19.
"""

from functools import partial
from typing import Final

from scrapy.core.downloader.handlers import DownloadHandlers
from scrapy.core.downloader.handlers._aiohttp import AiohttpDownloadHandler
from scrapy.crawler import Crawler

from crawlfleet_worker.fast.stock import StepAside, require_class, require_own
from crawlfleet_worker.fast.tally import fell_back
from crawlfleet_worker.frontier.pacing import Paced
from crawlfleet_worker.http.handler import OwnHandler
from crawlfleet_worker.http.outgoing import PORTS

left_to_scrapy: Final = partial(fell_back, ("HTTP", "scrapys_handler"))

_METHODS = ("download_request", "_read_response", "_make_request", "_request_headers", "close")


def install(crawler: Crawler) -> None:
    """Put our handler before Scrapy's, below the pace. StepAside where http or https has another one."""
    handlers = crawler.engine.downloader.handlers
    require_class(handlers, DownloadHandlers)
    found = {scheme: handlers._get_handler(scheme) for scheme in PORTS}
    for scheme, handler in found.items():
        _require_stock(scheme, handler)
    for scheme, handler in found.items():
        if isinstance(handler, Paced):
            handler.delegate.replace(OwnHandler(crawler, handler.delegate.handler, left_to_scrapy))
        else:
            handlers._handlers[scheme] = OwnHandler(crawler, handler, left_to_scrapy)


def _require_stock(scheme: str, handler: object) -> None:
    kind = handler.delegate.kind if isinstance(handler, Paced) else type(handler)
    if kind is not AiohttpDownloadHandler:
        raise StepAside(f"the handler of {scheme}, {kind.__qualname__}, is not {AiohttpDownloadHandler.__qualname__}")
    require_own(handler.delegate.handler if isinstance(handler, Paced) else handler, *_METHODS)
