"""The downloader middlewares as plain calls: a coroutine only where one of them returns something to wait for.

Replaces: `DownloaderMiddlewareManager._process_request` and `._process_response`, which wrap what each middleware
returns in a coroutine, and work out the middleware's name, for every page; and the look for a `spider` argument that
Scrapy's own middlewares are wrapped in, as none is given.
Steps aside: another manager, or one whose methods were replaced, or a middleware without a name. Exceptions go Scrapy's
own way.
Holds for: Scrapy 2.19.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from types import FunctionType, MethodType
from typing import Any, Final, cast

from scrapy import Request
from scrapy.core.downloader.middleware import DownloaderMiddlewareManager
from scrapy.crawler import Crawler
from scrapy.exceptions import _InvalidOutput
from scrapy.http import Response
from scrapy.utils.decorators import _warn_spider_arg
from scrapy.utils.defer import ensure_awaitable
from scrapy.utils.python import global_object_name

from crawlfleet_worker.fast.stock import StepAside, put, require_class, require_own

Download = Callable[[Request], Awaitable[Response]]
Method = Callable[..., Any]

_METHODS: Final = ("download_async", "_handle_mw_method", "_process_request", "_process_response")
_RESULTS: Final = (Response, Request)


def install(crawler: Crawler) -> None:
    """Let the crawler's downloader middlewares be called one after the other. StepAside where they are not Scrapy's."""
    manager = crawler.engine.downloader.middleware
    require_class(manager, DownloaderMiddlewareManager)
    require_own(manager, *_METHODS)
    calls = Calls(manager)
    put(manager, "_process_request", calls.requests)
    put(manager, "_process_response", calls.responses)


class Calls:
    """The calls of one crawl's downloader middlewares."""

    def __init__(self, manager: DownloaderMiddlewareManager) -> None:
        self._manager = manager
        self._requests = Shortened(manager, "process_request")
        self._responses = Shortened(manager, "process_response")

    async def requests(self, request: Request, download: Download) -> Response | Request:
        """Let each see the request; download it unless one of them has an answer."""
        for method, short in self._requests.now():
            found = short(request=request)
            if found is not None and not isinstance(found, _RESULTS):
                found = await ensure_awaitable(found, _warn=global_object_name(method))
                if found is not None and not isinstance(found, _RESULTS):
                    raise _InvalidOutput(
                        f"Middleware {method.__qualname__} must return None, Response or "
                        f"Request, got {found.__class__.__name__}"
                    )
            if found:
                answer: Response | Request = found
                return answer
        return await download(request)

    async def responses(self, response: Response | Request, request: Request) -> Response | Request:
        """Let each see the response, until one of them makes a request of it."""
        if response is None:
            raise TypeError("Received None in process_response")
        if isinstance(response, Request):
            return response
        for method, short in self._responses.now():
            found = short(request=request, response=response)
            if not isinstance(found, _RESULTS):
                found = await ensure_awaitable(found, _warn=global_object_name(method))
                if not isinstance(found, _RESULTS):
                    raise _InvalidOutput(
                        f"Middleware {method.__qualname__} must return Response or Request, got {type(found)}"
                    )
            response = found
            if isinstance(response, Request):
                return response
        return response


class Shortened:
    """The middlewares' methods of one name, each with what to call for it: the list may change during the crawl."""

    def __init__(self, manager: DownloaderMiddlewareManager, name: str) -> None:
        self._manager = manager
        self._all = cast("deque[Method]", manager.methods[name])
        self._before: deque[Method] = deque()
        self._pairs: list[tuple[Method, Method]] = []
        try:
            for method in self._all:
                global_object_name(method)
        except (AttributeError, TypeError) as error:
            raise StepAside(f"a middleware has no name: {error}") from error

    def now(self) -> list[tuple[Method, Method]]:
        """Return each method, and what does the same with fewer steps."""
        if self._all != self._before:
            self._before = self._all.copy()
            self._pairs = [(method, self._shortened(method)) for method in self._all]
        return self._pairs

    def _shortened(self, method: Method) -> Method:
        if method in self._manager._mw_methods_requiring_spider:
            return lambda **named: method(**named, spider=self._manager._spider)
        return unwrapped(method)


def unwrapped(method: Method) -> Method:
    """Return what Scrapy's wrapper calls, which warns of a `spider` argument; another method as it is."""
    function = getattr(method, "__func__", None)
    if not isinstance(method, MethodType) or not isinstance(function, FunctionType):
        return method
    if function.__code__ is not _WRAPPER or not isinstance(function.__wrapped__, FunctionType):  # type: ignore[attr-defined]
        return method
    return MethodType(function.__wrapped__, method.__self__)  # type: ignore[attr-defined]


_WRAPPER: Final = _warn_spider_arg(unwrapped).__code__
