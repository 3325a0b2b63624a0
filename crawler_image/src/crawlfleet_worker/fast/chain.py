"""The spider middlewares' way out, as plain calls: one loop instead of three generators for each middleware.

Replaces: `SpiderMiddlewareManager.scrape_response_async` for callbacks that are plain generators (or return a list).
Steps aside, for the whole crawl: another manager; any middleware whose `process_spider_output` is not the one of
Scrapy's BaseSpiderMiddleware (it may still override `get_processed_request` and `get_processed_item`), or with
a `process_spider_exception` that is not HttpErrorMiddleware's. For one response: a callback that is an async generator.
Holds for: Scrapy 2.19.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from types import GeneratorType
from typing import Any, Final

from scrapy import Request
from scrapy.core.spidermw import ScrapeFunc, SpiderMiddlewareManager
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.spidermiddlewares.base import BaseSpiderMiddleware
from scrapy.spidermiddlewares.depth import DepthMiddleware
from scrapy.spidermiddlewares.httperror import HttpErrorMiddleware
from scrapy.utils.defer import _process_pending_io

from crawlfleet_worker.fast.links import links_of
from crawlfleet_worker.fast.stock import StepAside, put, require_class, require_own
from crawlfleet_worker.fast.tally import fell_back

Processed = Callable[[Any, Response], Any]
Output = Iterable[Any] | AsyncIterator[Any]

_ASYNC: Final = ("CHAIN", "async_callback")
_ODD: Final = ("CHAIN", "odd_request")
_PLAIN: Final = (BaseSpiderMiddleware.process_spider_output_async, DepthMiddleware.process_spider_output_async)


def install(crawler: Crawler) -> None:
    """Let the crawler's spider middlewares be called one after the other. StepAside where one needs more."""
    manager = crawler.engine.scraper.spidermw
    require_class(manager, SpiderMiddlewareManager)
    require_own(manager, "scrape_response_async", "_process_spider_input", "_process_callback_output")
    put(manager, "scrape_response_async", Chain(manager).scrape)


class Chain:
    """The middlewares of one crawl, nearest to the spider first."""

    def __init__(self, manager: SpiderMiddlewareManager) -> None:
        self._manager = manager
        middlewares = _middlewares(manager)
        scrapys = all(type(one).__module__.startswith("scrapy.") for _, one in middlewares)
        self._first = [(place, one._init_depth) for place, one in middlewares if isinstance(one, DepthMiddleware)]
        self._of_requests = _steps(middlewares, "get_processed_request" if scrapys else "_get_processed")
        self._of_items = _steps(middlewares, "get_processed_item" if scrapys else "_get_processed")
        self._links = links_of([one for _, one in middlewares if _has_own(one)]) if scrapys else None

    async def scrape(self, scrape: ScrapeFunc[Any], response: Response, request: Request) -> Output:
        """Call the spider, and return what it yields, as the middlewares leave it."""
        manager = self._manager
        try:
            found = await manager._process_spider_input(scrape, response, request)
            if type(found) is not GeneratorType and isinstance(found, AsyncIterator):
                fell_back(_ASYNC)
                return await manager._process_callback_output(response, found)
        except Exception as error:
            await _process_pending_io()
            return manager._process_spider_exception(response, error)
        return self._passed(found, response)

    def _passed(self, found: Iterable[Any], response: Response) -> Iterator[Any]:
        """Yield what is left of each object; `place` is how far an exception has come when it is raised."""
        place = 0
        try:
            for place, begin in self._first:  # noqa: B007 - the except clause reads it
                begin(response)
            place = 0
            page = self._links.of(response) if self._links is not None else None
            for one in found:
                if page is not None and type(one) is Request and page.passes(one):
                    yield one
                    continue
                if page is not None and isinstance(one, Request):
                    fell_back(_ODD)
                left = one
                steps = self._of_requests if isinstance(one, Request) else self._of_items
                for place, process in steps:  # noqa: B007 - the except clause reads it
                    left = process(left, response)
                    if left is None:
                        break
                else:
                    yield left
                place = 0
        except Exception as error:
            recovered: AsyncIterator[Any] = self._manager._process_spider_exception(response, error, place)
        else:
            return
        yield from _without_waiting(recovered)


def _middlewares(manager: SpiderMiddlewareManager) -> list[tuple[int, BaseSpiderMiddleware]]:
    """Return those with a way out, each with the place that an exception of its own begins at. May StepAside."""
    for method in manager.methods["process_spider_exception"]:
        if getattr(method, "__func__", None) not in (None, HttpErrorMiddleware.process_spider_exception):
            raise StepAside(f"{_owner(method)} handles exceptions")
    found = []
    for place, method in enumerate(manager.methods["process_spider_output"], 1):
        if method is None:
            continue
        one = getattr(method, "__self__", None)
        plain = getattr(method, "__func__", None) in _PLAIN
        if (
            not isinstance(one, BaseSpiderMiddleware)
            or not plain
            or type(one)._get_processed is not BaseSpiderMiddleware._get_processed
        ):
            raise StepAside(f"{_owner(method)} has a process_spider_output of its own")
        found.append((place, one))
    return found


def _steps(middlewares: list[tuple[int, BaseSpiderMiddleware]], name: str) -> list[tuple[int, Processed]]:
    """Return the methods of that name, but for those that do nothing."""
    nothing = getattr(BaseSpiderMiddleware, name) if name != "_get_processed" else None
    return [(place, getattr(one, name)) for place, one in middlewares if getattr(type(one), name) is not nothing]


def _has_own(one: BaseSpiderMiddleware) -> bool:
    return type(one).get_processed_request is not BaseSpiderMiddleware.get_processed_request


def _owner(method: object) -> str:
    return type(getattr(method, "__self__", method)).__qualname__


def _without_waiting(chain: AsyncIterator[Any]) -> Iterator[Any]:
    """Yield what a chain of middlewares has left, none of which waits for anything."""
    while True:
        step = anext(chain)
        try:
            step.__await__().send(None)
        except StopIteration as ready:
            yield ready.value
        except StopAsyncIteration:
            return
        else:
            raise RuntimeError("a spider middleware of Scrapy waits where it never did")
