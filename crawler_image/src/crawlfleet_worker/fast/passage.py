"""A request's way through the engine as one task: downloaded, seen by the spider, gone.

Replaces: `ExecutionEngine._start_scheduled_request` with what it calls of the engine, the downloader and the scraper
(`_download`, `_handle_downloader_output`, `fetch`, `_enqueue_request`, `_download`, `enqueue_scrape`,
`_wait_for_processing`, and `DownloadHandlers.download_request_async` for plain URLs): three tasks and a dozen Deferreds
for every page. Signals, logs and the books of all three
(active, transferring, sizes) are in the same order.
Steps aside: another engine, downloader or scraper, or one whose methods were replaced. For one request: where the
downloader's slot has a delay or is full, it waits in its queue. `download_async` is Scrapy's.
Holds for: Scrapy 2.19.
"""

import asyncio
import logging
from collections.abc import Awaitable
from time import monotonic
from typing import Any, Final

from scrapy import Request, signals
from scrapy.core.downloader import Downloader, Slot
from scrapy.core.downloader.handlers import DownloadHandlers
from scrapy.core.engine import ExecutionEngine
from scrapy.core.scraper import Scraper
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.utils.asyncio import is_asyncio_available
from scrapy.utils.defer import _process_pending_io, maybe_deferred_to_future
from scrapy.utils.log import logformatter_adapter
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from crawlfleet_worker.fast.holders import NOBODY_ELSE, holders
from crawlfleet_worker.fast.next_look import quicken
from crawlfleet_worker.fast.stock import StepAside, put, require_class, require_own
from crawlfleet_worker.fast.tally import fell_back
from crawlfleet_worker.fast.urls import host_of

_OF_ENGINE: Final = ("_start_scheduled_request", "_download", "_handle_downloader_output", "_remove_request")
_OF_DOWNLOADER: Final = (
    "fetch", "get_slot_key", "_get_slot", "_enqueue_request", "_process_queue", "_wait_for_download", "_download",
)  # fmt: skip
_OF_SCRAPER: Final = ("enqueue_scrape", "_scrape_next", "_wait_for_processing", "_scrape")

_IN_TURN: Final = ("PASSAGE", "slot_full_or_delayed")

engines_logger: Final = logging.getLogger("scrapy.core.engine")
scrapers_logger: Final = logging.getLogger("scrapy.core.scraper")


def install(crawler: Crawler) -> None:
    """Let the crawler's engine pass requests on in one task each. StepAside where it is not Scrapy's own."""
    engine: Any = crawler.engine
    for part, kind, methods in (
        (engine, ExecutionEngine, _OF_ENGINE),
        (engine.downloader, Downloader, _OF_DOWNLOADER),
        (engine.scraper, Scraper, _OF_SCRAPER),
    ):
        require_class(part, kind)
        require_own(part, *methods)
    if engine._downloader_fetch_needs_spider or not is_asyncio_available():
        raise StepAside("the engine runs without asyncio")
    put(engine, "_start_scheduled_request", Passage(engine).start_next)


def _is_own(handlers: object) -> bool:
    try:
        require_class(handlers, DownloadHandlers)
        require_own(handlers, "download_request_async", "_get_handler")
    except StepAside:
        return False
    return True


class Passage:
    """Passes the requests of one crawl on."""

    def __init__(self, engine: Any) -> None:  # noqa: ANN401 - its private parts
        self._engine, self._downloader, self._scraper = engine, engine.downloader, engine.scraper
        self._send = engine.crawler.signals.send_catch_log
        self._handle = engine._handle_downloader_output
        self._quick_handlers = _is_own(engine.downloader.handlers)
        self._loop = asyncio.get_running_loop()
        self._slot: Any = None
        self._under_way: dict[Request, asyncio.Task[None]] = {}
        """The loop itself does not keep tasks alive."""

    def start_next(self) -> bool:
        """Let the scheduler's next request begin; False where it has none."""
        slot = self._engine._slot
        if slot is not self._slot:
            self._slot = slot
            quicken(slot.nextcall, self._loop)
        request = slot.scheduler.next_request()
        if request is None:
            self._send(signals.scheduler_empty)
            return False
        slot.add_request(request)
        self._downloader.active.add(request)
        self._under_way[request] = self._loop.create_task(self._pass(request, slot))
        return True

    async def _pass(self, request: Request, slot: Any) -> None:  # noqa: ANN401 - the engine's private slot
        try:
            result = await self._downloaded(request)
            await self._hand_on(result, request)
            if holders(result) == NOBODY_ELSE:  # the two hold each other: so the tree goes now, not with the garbage
                result._cached_selector = None  # type: ignore[union-attr]
        except Exception:
            self._tell("Error while handling downloader output")
        try:
            slot.remove_request(request)
        except Exception:
            self._tell("Error while removing request from slot")
        del self._under_way[request]
        slot.nextcall.schedule()

    async def _downloaded(self, request: Request) -> Response | Request | Failure:
        engine = self._engine
        try:
            try:
                result = await self._downloader.middleware.download_async(self._fetch, request)
            finally:
                self._downloader.active.remove(request)
            self._look_at(result, request)
        except asyncio.CancelledError:
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
            return Failure()  # type: ignore[no-untyped-call]
        except Exception:
            return Failure()  # type: ignore[no-untyped-call]
        finally:
            engine._slot.nextcall.schedule()
        found: Response | Request = result
        return found

    def _look_at(self, result: object, request: Request) -> None:
        """Say that a response has come."""
        if isinstance(result, Request):
            return
        if not isinstance(result, Response):
            raise TypeError(f"Incorrect type: expected Response or Request, got {type(result)}: {result!r}")
        if result.request is None:
            result.request = request
        spider = self._engine.spider
        words = self._engine.logformatter.crawled(result.request, result, spider)
        if words is not None:
            engines_logger.log(*logformatter_adapter(words), extra={"spider": spider})
        self._send(signal=signals.response_received, response=result, request=result.request, spider=spider)

    async def _fetch(self, request: Request) -> Response:
        """Download, as soon as the downloader's slot of the host lets it."""
        downloader = self._downloader
        key, slot = self._known_slot(request) or downloader._get_slot(request)
        request.meta[downloader.DOWNLOAD_SLOT] = key
        slot.active.add(request)
        self._send(signal=signals.request_reached_downloader, request=request, spider=self._engine.spider)
        try:
            if slot.delay or slot.queue or slot.latercall or slot.free_transfer_slots() <= 0:
                return await self._in_turn(slot, request)
            slot.lastseen = monotonic()
            return await self._transferred(slot, request)
        finally:
            slot.active.remove(request)

    def _known_slot(self, request: Request) -> tuple[Any, Slot] | None:
        """Return the slot of a plain URL's host, as `get_slot_key` finds it, where there is one."""
        downloader = self._downloader
        key = request.meta.get(downloader.DOWNLOAD_SLOT)
        if key is None and not downloader.ip_concurrency:
            key = host_of(request.url)
        slot = downloader.slots.get(key) if key else None
        return None if slot is None else (key, slot)

    async def _in_turn(self, slot: Slot, request: Request) -> Response:
        """Download where the downloader's own queue says so."""
        fell_back(_IN_TURN)
        response: Deferred[Response] = Deferred()
        slot.queue.append((request, response))
        self._downloader._process_queue(slot)
        return await maybe_deferred_to_future(response)

    async def _transferred(self, slot: Slot, request: Request) -> Response:
        downloader, spider = self._downloader, self._engine.spider
        slot.transferring.add(request)
        try:
            response: Response = await self._handed_to_handler(request)
            self._send(signal=signals.response_downloaded, response=response, request=request, spider=spider)
        except Exception:
            await _process_pending_io()
            raise
        finally:
            slot.transferring.remove(request)
            if slot.queue:
                downloader._process_queue(slot)
            self._send(signal=signals.request_left_downloader, request=request, spider=spider)
        return response

    def _handed_to_handler(self, request: Request) -> Awaitable[Response]:
        """Begin a plain URL's download by the handler of its scheme, without taking the URL apart."""
        handlers = self._downloader.handlers
        begin = handlers.download_request_async
        if self._quick_handlers and host_of(request.url):
            scheme = "https" if request.url.startswith("https") else "http"
            handler = handlers._handlers.get(scheme)
            if handler is not None and scheme not in handlers._old_style_handlers:
                begin = handler.download_request
        begun: Awaitable[Response] = begin(request)
        return begun

    async def _hand_on(self, result: Response | Request | Failure, request: Request) -> None:
        """Give what a download came to back to the engine (a request) or to the spider."""
        handle = self._engine._handle_downloader_output
        wanted = getattr(handle, "wanted", None)
        if wanted is not None:
            if not wanted(result, request):
                return
        elif handle != self._handle:
            await maybe_deferred_to_future(handle(result, request))
            return
        if isinstance(result, Request):
            self._engine.crawl(result)
            return
        try:
            await self._scraped(result, request)
        except Exception:
            extra = {"spider": self._engine.spider}
            engines_logger.error("Error while enqueuing scrape", exc_info=True, extra=extra)

    async def _scraped(self, result: Response | Failure, request: Request) -> None:
        scraper = self._scraper
        slot = scraper.slot
        if slot is None:
            raise RuntimeError("Scraper slot not assigned")
        size = max(len(result.body), slot.MIN_RESPONSE_SIZE) if isinstance(result, Response) else slot.MIN_RESPONSE_SIZE
        slot.active_size += size
        slot.active.add(request)
        try:
            await scraper._scrape(result, request)
        except Exception:
            extra = {"spider": scraper.crawler.spider}
            scrapers_logger.error(
                "Scraper bug processing %(request)s", {"request": request}, exc_info=True, extra=extra
            )
        finally:
            slot.active.remove(request)
            slot.active_size -= size
            scraper._check_if_closing()

    def _tell(self, message: str) -> None:
        engines_logger.info(message, exc_info=True, extra={"spider": self._engine.spider})
