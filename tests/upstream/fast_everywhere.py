"""A pytest plugin: every object that one of our fast paths can stand in for gets it.

A crawl gets all of them as in a worker: once, when its engine is there and the spider is about to be opened. Most of
Scrapy's tests make one object alone; so each class puts its own in place at the end of its `__init__`, but for what a
crawl makes for its engine. A new room needs a line in ALONE where a test makes its object alone.
`CRAWLFLEET_FAST_USED` names a file for how often each was put in place.
"""

import json
import os
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest
from scrapy.core.downloader.handlers._aiohttp import AiohttpDownloadHandler
from scrapy.core.downloader.middleware import DownloaderMiddlewareManager
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
    manager = DownloaderMiddlewareManager.__new__(DownloaderMiddlewareManager)
    manager.middlewares, manager.methods = (one,), defaultdict(deque)
    return _downloader_middlewares(manager)


def _downloader_middlewares(manager: object) -> object:
    return SimpleNamespace(engine=SimpleNamespace(downloader=SimpleNamespace(middleware=manager)))


def _spider_middleware(one: object) -> object:
    return _of_scraper(SimpleNamespace(spidermw=SimpleNamespace(middlewares=[one])))


def _spider_middlewares(manager: object) -> object:
    return _of_scraper(SimpleNamespace(spidermw=manager))


def _of_scraper(scraper: object) -> object:
    return SimpleNamespace(engine=SimpleNamespace(scraper=scraper))


ALONE: Final[tuple[tuple[type, str, Callable[[Any], object]], ...]] = (
    (SignalManager, "SIGNALS", lambda manager: SimpleNamespace(signals=manager)),
    (MemoryStatsCollector, "STATS", lambda stats: SimpleNamespace(stats=stats)),
    (RequestFingerprinter, "FINGERPRINTS", lambda one: SimpleNamespace(request_fingerprinter=one)),
    (OffsiteMiddleware, "OFFSITE", _downloader_middleware),
    (RefererMiddleware, "REFERERS", _spider_middleware),
    (SpiderMiddlewareManager, "CHAIN", _spider_middlewares),
    (DownloaderMiddlewareManager, "DOWNLOADS", _downloader_middlewares),
    (Scraper, "STEPPING", _of_scraper),
)
"""Class, room, and what stands for a crawler that has only this one thing."""

PROCESS_WIDE: Final = (
    "URLS",
    "REQUESTS",
    "PAGES",
    "HEADERS",
    "LIVE_REFS",
    "SELECTORS",
    "META_REFRESH",
    "SIZES",
    "EXTRACTION",
    "RULES",
)

crawls_being_made: list[Crawler] = []


def fasten_when_made(kind: type, room: str, crawler_with: Callable[[Any], object]) -> None:
    """Let the class put its fast path in place at the end of its `__init__`; its subclasses are left alone."""
    stock = kind.__init__  # type: ignore[misc]

    @wraps(stock)
    def made(self: object, *given: object, **named: object) -> None:
        stock(self, *given, **named)
        lone = getattr(self, "crawler", self) is None  # deprecated, and never so in a worker
        if type(self) is kind and not lone and not crawls_being_made:
            fasten(room, crawler_with(self))

    kind.__init__ = made  # type: ignore[misc]


def fasten_crawls() -> None:
    """Let every crawl have all of them before its spider is opened."""
    make, open_spider = Crawler._create_engine, ExecutionEngine.open_spider_async

    @wraps(make)
    def made(self: Crawler) -> ExecutionEngine:
        crawls_being_made.append(self)
        try:
            return make(self)
        finally:
            crawls_being_made.pop()

    @wraps(open_spider)
    async def opened(self: ExecutionEngine, *given: Any, **named: Any) -> None:
        if self.crawler._engine is self:
            for room in ROOMS:
                fasten(room, self.crawler)
        await open_spider(self, *given, **named)

    Crawler._create_engine = made  # type: ignore[method-assign]
    ExecutionEngine.open_spider_async = opened  # type: ignore[method-assign]


class HandlerAlone(OwnHandler):
    """Our handler, as Scrapy's tests make one."""

    def __init__(self, crawler: Crawler) -> None:
        """Make it, with Scrapy's behind it."""
        super().__init__(crawler, AiohttpDownloadHandler(crawler))
        put_in_place["HTTP"] += 1


def pytest_configure() -> None:
    """Put all in place before anything of Scrapy is collected."""
    for room in PROCESS_WIDE:
        fasten(room, None)
    for kind, room, crawler_with in ALONE:
        fasten_when_made(kind, room, crawler_with)
    fasten_crawls()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the tests of Scrapy's handler ask for ours."""
    for module in {item.module for item in items if isinstance(item, pytest.Function)}:
        if module.__name__.endswith("test_downloader_handler_aiohttp"):
            module.AiohttpDownloadHandlerMixin.download_handler_cls = property(lambda _self: HandlerAlone)


def pytest_sessionfinish() -> None:
    """Write down what was put in place."""
    if USED_FILE in os.environ:
        Path(os.environ[USED_FILE]).write_text(json.dumps(put_in_place, sort_keys=True))
