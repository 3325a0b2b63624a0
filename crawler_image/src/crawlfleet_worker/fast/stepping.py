"""What a callback yields, without a task for each of 100 workers a page.

Replaces: `Scraper.handle_spider_output_async`, which starts CONCURRENT_ITEMS tasks for every response. Requests are
handed to the engine as they come; an item is stepped as far as it goes, and becomes a task only where it has to wait
(at most CONCURRENT_ITEMS of one response wait at once, as with Scrapy).
Steps aside: another Scraper, or one whose methods were replaced. With a pipeline that is a coroutine, each item is a
task from its beginning.
Holds for: Scrapy 2.19.
"""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterable
from functools import partial
from types import GeneratorType, coroutine
from typing import Any, Final

from scrapy import Request
from scrapy.core.engine import ExecutionEngine
from scrapy.core.scraper import Scraper
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.pipelines import ItemPipelineManager
from scrapy.utils.defer import aiter_errback
from twisted.python.failure import Failure

from crawlfleet_worker.fast.stock import put, require_class, require_own
from crawlfleet_worker.fast.tally import fell_back

BREATH: Final = 100
"""Outputs in a row, after which everybody else has a turn."""

_ASYNC: Final = ("STEPPING", "async_callback")
_WAITS: Final = ("STEPPING", "item_waits")

Tasks = set["asyncio.Task[None]"]


def install(crawler: Crawler) -> None:
    """Let the crawler's scraper step what callbacks yield. StepAside where it is not Scrapy's own."""
    scraper = crawler.engine.scraper
    require_class(scraper, Scraper)
    require_own(scraper, "handle_spider_output_async", "_process_spidermw_output_async", "start_itemproc_async")
    put(scraper, "handle_spider_output_async", Stepper(scraper).handle)


class Stepper:
    """Takes in what callbacks and errbacks of one crawl yield."""

    def __init__(self, scraper: Scraper) -> None:
        self._scraper, self._most = scraper, max(1, scraper.concurrent_items)
        self._at_once = runs_at_once(scraper.itemproc)
        self._engine: ExecutionEngine | None = None

    async def handle(
        self, result: Iterable[Any] | AsyncIterator[Any], request: Request, response: Response | Failure
    ) -> None:
        """Hand on every request and item; return when all items have been through the pipelines."""
        waiting: Tasks = set()
        failed, number = self._scraper.handle_spider_error, 0
        if type(result) is not GeneratorType and isinstance(result, AsyncIterator):
            fell_back(_ASYNC)
            async for one in aiter_errback(result, failed, request, response):
                await self._take(one, response, waiting)
        else:
            found = iter(result)
            while True:
                try:
                    one = next(found)
                except StopIteration:
                    break
                except Exception:
                    failed(Failure(), request, response)  # type: ignore[no-untyped-call]
                    continue
                if isinstance(one, Request):
                    self._crawl(one)
                else:
                    await self._take(one, response, waiting)
                number += 1
                if not number % BREATH:
                    await asyncio.sleep(0)
        if waiting:
            await asyncio.wait(waiting)

    async def _take(self, one: Any, response: Response | Failure, waiting: Tasks) -> None:  # noqa: ANN401 - an item
        if isinstance(one, Request):
            self._crawl(one)
        elif one is not None:
            self._begin(self._scraper.start_itemproc_async(one, response=response), waiting)
            while len(waiting) >= self._most:
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)

    def _crawl(self, request: Request) -> None:
        try:
            if self._engine is None:
                self._engine = self._scraper.crawler.engine
            self._engine.crawl(request=request)
        except Exception as error:
            _tell(error)

    def _begin(self, processing: Coroutine[Any, Any, None], waiting: Tasks) -> None:
        """Step an item's way through the pipelines; what has to wait goes on as a task."""
        try:
            rest = go_on(processing, processing.send(None)) if self._at_once else processing
        except StopIteration:
            return
        except Exception as error:
            _tell(error)
            return
        fell_back(_WAITS)
        task = asyncio.get_running_loop().create_task(rest)
        waiting.add(task)
        task.add_done_callback(waiting.discard)


def runs_at_once(pipelines: object) -> bool:
    """Whether items mostly run through without waiting: no pipeline is a coroutine, which may want its own task."""
    if type(pipelines) is not ItemPipelineManager:
        return False
    methods = pipelines.methods["process_item"]
    return not any(inspect.iscoroutinefunction(method) for method in methods)


async def go_on(begun: Coroutine[Any, Any, None], awaited: object) -> None:
    """Await the rest of a coroutine that was stepped once and awaits this."""
    await _go_on(begun, awaited)


@coroutine
def _go_on(begun: Coroutine[Any, Any, None], awaited: object) -> Generator[object, None, None]:
    step: Callable[[], object]
    while True:
        try:
            yield awaited
        except BaseException as error:
            step = partial(begun.throw, error)
        else:
            step = partial(begun.send, None)
        try:
            awaited = step()
        except StopIteration:
            return


def _tell(error: Exception) -> None:
    context = {"message": "Task exception was never retrieved", "exception": error}
    asyncio.get_running_loop().call_exception_handler(context)
