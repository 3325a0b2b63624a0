"""HTTP/1.1 over connections of our own, where Scrapy 2.19 goes through aiohttp. Off unless it is switched on.

Replaces: `AiohttpDownloadHandler`, which stays behind it for requests that ours leaves alone (`http.outgoing`).
Steps aside: another handler, by DOWNLOAD_HANDLERS or with Twisted's reactor; a subclass, or replaced methods.
Holds for: Scrapy 2.19.
"""

from typing import Any

from scrapy.core.downloader.handlers import DownloadHandlers
from scrapy.core.downloader.handlers._aiohttp import AiohttpDownloadHandler
from scrapy.crawler import Crawler

from crawlfleet_worker.fast.stock import require_class, require_own
from crawlfleet_worker.frontier.pacing import Paced
from crawlfleet_worker.http.handler import OwnHandler
from crawlfleet_worker.http.outgoing import PORTS

_METHODS = ("download_request", "_read_response", "_make_request", "_request_headers", "close")


def install(crawler: Crawler) -> None:
    """Put our handler before Scrapy's, below the pace. StepAside where http or https has another one."""
    handlers = crawler.engine.downloader.handlers
    require_class(handlers, DownloadHandlers)
    found = {scheme: handlers._get_handler(scheme) for scheme in PORTS}
    for handler in found.values():
        _require_stock(_below_the_pace(handler))
    for scheme, handler in found.items():
        if isinstance(handler, Paced):
            handler.delegate.replace(OwnHandler(crawler, handler.delegate.handler))
        else:
            handlers._handlers[scheme] = OwnHandler(crawler, handler)


def _below_the_pace(handler: object) -> Any:  # noqa: ANN401 - any download handler
    return handler.delegate.handler if isinstance(handler, Paced) else handler


def _require_stock(handler: object) -> None:
    require_class(handler, AiohttpDownloadHandler)
    require_own(handler, *_METHODS)
