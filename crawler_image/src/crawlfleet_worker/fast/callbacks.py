"""The call of a page's callback, without asking every time what kind of function it is.

Replaces: `Scraper.call_spider_async` for responses: the look for a generator that returns a value is taken once for
each function that is none, and a generator, a list, an item, a request or nothing is passed on as it is. The two turns
of the event loop before the callback stay.
Steps aside: another scraper, or one whose method was replaced. For one request: a failure, whose errback is called; a
callback that gives anything else (a coroutine, an asynchronous generator, a Deferred).
Holds for: Scrapy 2.19.
"""

import inspect
from collections.abc import AsyncIterator, Callable, Generator, Iterable
from types import FunctionType, GeneratorType, MethodType, coroutine
from typing import Any, Final

import scrapy.core.scraper as stocks
from scrapy import Item, Request, Spider
from scrapy.core.scraper import Scraper
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.utils.asyncio import is_asyncio_available
from scrapy.utils.defer import ensure_awaitable
from scrapy.utils.misc import is_generator_with_return_value, warn_on_generator_with_return_value
from scrapy.utils.spider import iterate_spider_output
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from crawlfleet_worker.fast.stock import StepAside, put, require_class, require_own, require_same
from crawlfleet_worker.fast.tally import fell_back

Output = Iterable[Any] | AsyncIterator[Any]
Callback = Callable[..., Any]

MOST_FUNCTIONS: Final = 1_000
_ONE: Final = (dict, Item, Request)
_OTHER: Final = ("CALLBACKS", "other_output")
_FAILED: Final = ("CALLBACKS", "errback")


def install(crawler: Crawler) -> None:
    """Let the crawler's callbacks be called the short way. StepAside where its scraper is not Scrapy's own."""
    scraper = crawler.engine.scraper
    require_class(scraper, Scraper)
    require_own(scraper, "call_spider_async")
    for function in (warn_on_generator_with_return_value, iterate_spider_output, ensure_awaitable):
        require_same(stocks, function.__name__, function)
    if not is_asyncio_available():
        raise StepAside("the engine runs without asyncio")
    put(scraper, "call_spider_async", Callbacks(scraper).call)


class Callbacks:
    """Calls those of one crawl."""

    def __init__(self, scraper: Scraper) -> None:
        self._crawler, self._stock = scraper.crawler, scraper.call_spider_async
        self._usual: set[Callback] = set()
        """Functions of which nobody has to be warned."""

    async def call(self, result: Response | Failure, request: Request) -> Output:
        """Call the callback and return what it yields. Raises what it raises."""
        if not isinstance(result, Response):
            fell_back(_FAILED)
            return await self._stock(result, request)
        await _two_turns()
        spider: Any = self._crawler.spider
        if result.request is None:
            result.request = request
        asked = result.request
        callback = asked.callback or spider._parse
        function = callback.__func__ if type(callback) is MethodType else callback
        if function not in self._usual:
            self._look_at(spider, callback, function)
        output = callback(result, **asked.cb_kwargs)
        if type(output) is GeneratorType and not output.gi_code.co_flags & inspect.CO_ITERABLE_COROUTINE:
            return output
        if output is None or type(output) is list:
            return output or ()
        if isinstance(output, _ONE):
            return [output]
        fell_back(_OTHER)
        if isinstance(output, Deferred):
            return await self._warned(result, request, output)
        found: Output = await ensure_awaitable(iterate_spider_output(output))
        return found

    def _look_at(self, spider: Spider, callback: Callback, function: Callback) -> None:
        """Warn of a generator that returns a value; remember a function that is none."""
        warn_on_generator_with_return_value(spider, callback)
        if type(function) is not FunctionType:
            return
        try:
            usual = not is_generator_with_return_value(callback)
        except (IndentationError, OSError):  # nobody can tell
            return
        if usual:
            if len(self._usual) >= MOST_FUNCTIONS:
                self._usual.clear()
            self._usual.add(function)

    async def _warned(self, result: Response, request: Request, output: "Deferred[Any]") -> Output:
        """Let Scrapy take a Deferred, of which it warns."""
        asked, spider = result.request or request, self._crawler.spider
        callback = asked.callback
        asked.callback = _Called(callback or spider._parse, output)  # type: ignore[union-attr]
        try:
            return await self._stock(result, request)
        finally:
            asked.callback = callback


class _Called:
    """A callback that was called."""

    def __init__(self, callback: Callback, output: object) -> None:
        self._callback, self._output = callback, output

    def __str__(self) -> str:
        return str(self._callback)

    def __call__(self, *_: object, **__: object) -> object:
        return self._output


@coroutine
def _two_turns() -> Generator[None, None, None]:
    """Let the loop go through its readers and writers, as `scrapy.utils.defer._process_pending_io`."""
    yield
    yield
