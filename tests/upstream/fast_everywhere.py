"""A pytest plugin: every object that one of our fast paths can stand in for gets it as soon as it is made.

A worker puts them in place once, when its engine is there. Scrapy's tests mostly make one object alone, so here each
class does it at the end of its `__init__`; for a whole crawl, when the engine opens the spider.
`CRAWLFLEET_FAST_USED` names a file for what was put in place, by room.
"""

import json
import os
from collections import Counter
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest
from scrapy.core.downloader.handlers._aiohttp import AiohttpDownloadHandler
from scrapy.core.engine import ExecutionEngine
from scrapy.core.scraper import Scraper
from scrapy.core.spidermw import SpiderMiddlewareManager
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.offsite import OffsiteMiddleware
from scrapy.signalmanager import SignalManager
from scrapy.spidermiddlewares.referer import RefererMiddleware
from scrapy.statscollectors import MemoryStatsCollector
from scrapy.utils.request import RequestFingerprinter

from crawlfleet_worker.fast.rooms import ROOMS
from crawlfleet_worker.fast.stock import StepAside
from crawlfleet_worker.http.handler import OwnHandler

USED_FILE: Final = "CRAWLFLEET_FAST_USED"

put_in_place: Counter[str] = Counter()


def fasten(room: str, crawler: object) -> None:
    """Put one fast path in place, unless it steps aside."""
    try:
        import_module(ROOMS[room]).install(crawler)
    except StepAside:
        return
    put_in_place[room] += 1


def _downloader_middleware(one: object) -> object:
    return SimpleNamespace(engine=SimpleNamespace(downloader=_with_middlewares("middleware", one)))


def _spider_middleware(one: object) -> object:
    return _of_scraper(_with_middlewares("spidermw", one))


def _with_middlewares(name: str, one: object) -> object:
    return SimpleNamespace(**{name: SimpleNamespace(middlewares=[one])})


def _of_scraper(scraper: object) -> object:
    return SimpleNamespace(engine=SimpleNamespace(scraper=scraper))


ALONE: Final[dict[type, tuple[str, Callable[[Any], object]]]] = {
    SignalManager: ("SIGNALS", lambda manager: SimpleNamespace(signals=manager)),
    MemoryStatsCollector: ("STATS", lambda stats: SimpleNamespace(stats=stats)),
    RequestFingerprinter: ("FINGERPRINTS", lambda one: SimpleNamespace(request_fingerprinter=one)),
    OffsiteMiddleware: ("OFFSITE", _downloader_middleware),
    RefererMiddleware: ("REFERERS", _spider_middleware),
    SpiderMiddlewareManager: ("CHAIN", lambda manager: _of_scraper(SimpleNamespace(spidermw=manager))),
    Scraper: ("STEPPING", _of_scraper),
}
"""What stands for a crawler that has only this one thing."""


def fasten_when_made(kind: type, room: str, crawler_with: Callable[[Any], object]) -> None:
    """Let the class put its fast path in place at the end of its `__init__`; its subclasses are left alone."""
    stock = kind.__init__  # type: ignore[misc]

    @wraps(stock)
    def made(self: object, *given: object, **named: object) -> None:
        stock(self, *given, **named)
        if type(self) is kind:
            fasten(room, crawler_with(self))

    kind.__init__ = made  # type: ignore[misc]


def fasten_when_opened() -> None:
    """Let every crawl have our HTTP handler, too."""
    stock = ExecutionEngine.open_spider_async

    @wraps(stock)
    async def opened(self: ExecutionEngine, *given: Any, **named: Any) -> None:
        if self.crawler.engine is self:
            fasten("HTTP", self.crawler)
        await stock(self, *given, **named)

    ExecutionEngine.open_spider_async = opened


class HandlerAlone(OwnHandler):
    """Our handler, as Scrapy's tests make one."""

    def __init__(self, crawler: Crawler) -> None:
        """Make it, with Scrapy's behind it."""
        super().__init__(crawler, AiohttpDownloadHandler(crawler))
        put_in_place["HTTP"] += 1


def pytest_configure() -> None:
    """Put all in place before anything of Scrapy is collected."""
    fasten("URLS", None)
    for kind, (room, crawler_with) in ALONE.items():
        fasten_when_made(kind, room, crawler_with)
    fasten_when_opened()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the tests of Scrapy's handler ask for ours."""
    for module in {item.module for item in items if isinstance(item, pytest.Function)}:
        if module.__name__.endswith("test_downloader_handler_aiohttp"):
            module.AiohttpDownloadHandlerMixin.download_handler_cls = property(lambda _self: HandlerAlone)


def pytest_sessionfinish() -> None:
    """Write down what was put in place."""
    if USED_FILE in os.environ:
        Path(os.environ[USED_FILE]).write_text(json.dumps(put_in_place, sort_keys=True))
