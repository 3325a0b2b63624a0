"""How do we reach into Scrapy's engine? The one module that touches what Scrapy does not document.

No public signal says that a request has left the engine for good, and the engine's own poll is too slow for a
queue that others fill. `self_test` looks for each private name before a crawl begins.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from typing import Any, Protocol

from scrapy import Request, Spider
from scrapy.core import engine as scrapy_engine
from scrapy.core.scraper import Scraper
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.settings import Settings
from scrapy.spiders import CrawlSpider
from scrapy.utils.reactor import CallLaterOnce
from twisted.python.failure import Failure

from crawlfleet_worker.exits import ExitCode, WorkerExit, last_line, setting_read_by
from crawlfleet_worker.session import Session

WAKE_SECONDS = 0.5
"""How often an idle engine looks at the queue."""


def self_test() -> None:
    """WorkerExit 68 where this Scrapy lacks one of the private names that this module uses."""
    wanted = {
        Crawler: ("_create_spider", "_apply_settings", "_create_engine"),
        scrapy_engine.ExecutionEngine: ("_SLOT_HEARTBEAT_INTERVAL", "needs_backout", "_handle_downloader_output"),
        Scraper: ("call_spider_async", "handle_spider_output_async", "handle_spider_error"),
        getattr(scrapy_engine, "_Slot", object): ("remove_request", "_maybe_fire_closing"),
        CallLaterOnce: ("schedule",),
        CrawlSpider: ("_errback", "_compile_rules"),
    }
    missing = [
        f"{owner.__name__}.{name}" for owner, names in wanted.items() for name in names if not hasattr(owner, name)
    ]
    if missing:
        message = f"this Scrapy has no {', '.join(missing)}: pin Scrapy to a version that the worker supports"
        raise WorkerExit(ExitCode.UNSUPPORTED_SCRAPY, message)


class WorkerCrawler(Crawler):
    """A Crawler that carries the worker's session, and tells what failed when a crawl cannot start."""

    def __init__(
        self,
        spidercls: type[Spider],
        settings: Settings,
        session: Session,
        prepare_spider: Callable[[Spider, Session], None],
    ) -> None:
        super().__init__(spidercls, settings)
        self.session = session
        self._prepare_spider = prepare_spider

    def _create_spider(self, *args: str, **kwargs: str) -> Spider:
        try:
            spider = super()._create_spider(*args, **kwargs)
        except WorkerExit:
            raise
        except Exception as error:
            message = (
                f"spider {self.spidercls.name!r} cannot be constructed: {last_line(error)}. Check spec.spider.arguments"
            )
            raise WorkerExit(ExitCode.SPIDER_START_FAILED, message) from error
        self._prepare_spider(spider, self.session)
        return spider

    def _apply_settings(self) -> None:
        try:
            super()._apply_settings()
        except Exception as error:
            raise self._refused(error) from error

    def _create_engine(self) -> scrapy_engine.ExecutionEngine:
        try:
            return super()._create_engine()
        except Exception as error:
            raise self._refused(error) from error

    def _refused(self, error: Exception) -> WorkerExit:
        name = setting_read_by(error) or "a setting"
        mend = "Check spec.spider.settings and the project's settings.py"
        return WorkerExit(ExitCode.SPIDER_START_FAILED, f"Scrapy refuses {name}: {last_line(error)}. {mend}")


def session_of(crawler: Crawler) -> Session:
    """Return the session of the worker that runs this crawler."""
    if not isinstance(crawler, WorkerCrawler):
        raise TypeError("this component works under crawlfleet-worker only")
    return crawler.session


def has_own_errback(request: Request, spider: Spider | None) -> bool:
    """Whether somebody wants to hear of a failure; a CrawlSpider's errback only passes it on to its rule's."""
    if request.errback is None or not isinstance(spider, CrawlSpider) or request.errback != spider._errback:
        return request.errback is not None
    rule = request.meta.get("rule")
    return isinstance(rule, int) and spider._rules[rule].errback is not None


class Trace(Protocol):
    """Who follows each request through the engine."""

    def downloaded(self, result: Response | Request | Failure, request: Request) -> bool:
        """Take in what a download came to; False where the spider is not to see it."""

    def called(self, result: Response | Failure, request: Request) -> None:
        """Take in that the callback or, of a Failure, the errback (if there is one) is called."""

    def output(self, found: Iterable[Any] | AsyncIterator[Any], request: Request) -> Iterable[Any] | AsyncIterator[Any]:
        """Return what a callback or an errback yields, looked at on its way."""

    def failed(self, failure: Failure, request: Request) -> None:
        """Take in that the spider's code raised."""

    def left(self, request: Request) -> None:
        """Take in that a request has left the engine for good."""


class EngineHandle:
    """The running engine, as far as the worker needs it."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler

    @property
    def _engine(self) -> scrapy_engine.ExecutionEngine | None:
        """The engine once there is one: Scrapy 2.19 keeps it in `_engine`, and `engine` raises before."""
        attributes = vars(self._crawler)
        engine: scrapy_engine.ExecutionEngine | None = attributes.get("_engine") or attributes.get("engine")
        return engine

    @property
    def running(self) -> bool:
        """Whether the engine has started and can be stopped."""
        engine = self._engine
        return engine is not None and engine.running

    def watch(self, left: Callable[[Request], None]) -> None:
        """Call `left` with each request that leaves the engine: downloaded or failed, callback and pipelines ended.

        To be called while the scheduler opens, when the slot exists and nothing has begun. Also quickens the
        poll of an idle engine, and lets `abandon` forget requests whose end comes later.
        """
        engine = self._crawler.engine
        engine._SLOT_HEARTBEAT_INTERVAL = WAKE_SECONDS
        slot = engine._slot
        if slot is None:
            raise RuntimeError("the engine has no slot yet")
        remove = slot.remove_request

        def remove_and_tell(request: Request) -> None:
            if request in slot.inprogress:
                remove(request)
                left(request)

        slot.remove_request = remove_and_tell  # type: ignore[method-assign]

    def trace(self, trace: Trace) -> None:
        """Let `trace` follow each request; to be called when `watch` is, which this includes."""
        self.watch(trace.left)
        engine = self._crawler.engine
        self._trace_scraper(engine.scraper, trace)
        handle = engine._handle_downloader_output

        def hand_on(result: Response | Request | Failure, request: Request) -> object:
            return handle(result, request) if trace.downloaded(result, request) else None

        hand_on.wanted = trace.downloaded  # type: ignore[attr-defined] # for who hands on without it (fast/passage.py)
        engine._handle_downloader_output = hand_on  # type: ignore[assignment,method-assign]

    @staticmethod
    def _trace_scraper(scraper: Scraper, trace: Trace) -> None:
        call, take, fail = scraper.call_spider_async, scraper.handle_spider_output_async, scraper.handle_spider_error

        async def calling(result: Response | Failure, request: Request) -> Iterable[Any] | AsyncIterator[Any]:
            trace.called(result, request)
            return await call(result, request)

        async def taking(found: Any, request: Request, response: Response | Failure) -> None:  # noqa: ANN401
            await take(trace.output(found, request), request, response)

        def failing(failure: Failure, request: Request, response: Response | Failure) -> None:
            trace.failed(failure, request)
            fail(failure, request, response)

        scraper.call_spider_async = calling  # type: ignore[method-assign]
        scraper.handle_spider_output_async = taking  # type: ignore[assignment,method-assign]
        scraper.handle_spider_error = failing  # type: ignore[assignment,method-assign]

    def wake(self) -> None:
        """Let the engine ask the scheduler for requests in the next turn of the loop.

        An engine that is not open yet does so by itself once it is: before that it fails where it asks its scraper.
        """
        engine = self._engine
        if engine is not None and engine._slot is not None and engine.scraper.slot is not None:
            engine._slot.nextcall.schedule()

    def wake_after(self, seconds: float) -> None:
        """Wake the engine later, without holding up what wakes it before."""
        with suppress(RuntimeError):  # the loop has ended: nothing is to be woken
            asyncio.get_running_loop().call_later(seconds, self.wake)

    def abandon(self) -> None:
        """Forget what is in progress: the engine can close without waiting for servers that do not answer."""
        engine = self._engine
        if engine is None or engine._slot is None:
            return
        engine._slot.inprogress.clear()
        engine._slot._maybe_fire_closing()
