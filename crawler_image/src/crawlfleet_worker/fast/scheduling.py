"""A request that is given to the engine: is it on site, is it new, and who has to hear of it?

Replaces: `ExecutionEngine.crawl` and what it calls, which sends a signal that mostly only OffsiteMiddleware hears, for
every link.
Steps aside: another engine, or one whose methods were replaced. For one request: other listeners, or a host that
OFFSITE has not found to be on site; then the signal is sent.
Holds for: Scrapy 2.19.
"""

from collections.abc import Mapping
from typing import Any, Final

from pydispatch.dispatcher import Any as AnySignal
from pydispatch.dispatcher import connections
from pydispatch.saferef import BoundMethodWeakref
from scrapy import Request, signals
from scrapy.core.engine import ExecutionEngine
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.offsite import OffsiteMiddleware
from scrapy.exceptions import IgnoreRequest
from twisted.python.failure import Failure

from crawlfleet_worker.fast.offsite import Judge
from crawlfleet_worker.fast.signals import Sending
from crawlfleet_worker.fast.stock import StepAside, put, require_class, require_own
from crawlfleet_worker.fast.tally import fell_back

_HEARD: Final = ("SCHEDULING", "host_or_listener")
_ANYBODY: Final = id(AnySignal)
_NOTHING: Final[Mapping[object, list[Any]]] = {}
_SCHEDULED: Final = signals.request_scheduled
_DROPPED: Final = signals.request_dropped
_OFFSITE: Final = OffsiteMiddleware.request_scheduled


def install(crawler: Crawler) -> None:
    """Let the crawler's engine take requests the short way. StepAside where it is not Scrapy's own."""
    engine = crawler.engine
    require_class(engine, ExecutionEngine)
    require_own(engine, "crawl", "_schedule_request")
    if not isinstance(getattr(crawler.signals.send_catch_log, "__self__", None), Sending):
        raise StepAside("SIGNALS is not in effect")
    put(engine, "crawl", Scheduling(engine).crawl)


class Scheduling:
    """Takes the requests of one crawl."""

    def __init__(self, engine: ExecutionEngine) -> None:
        self._engine, self._signals = engine, engine.crawler.signals
        self._listening = id(engine.crawler.signals.sender)
        self._heard_by: Any = None
        """The only one who listened the last time, by pydispatch's reference, where it is OFFSITE's middleware."""
        self._judge: Judge | None = None

    def crawl(self, request: Request) -> None:
        """Hand a request to the scheduler, unless somebody ignores it."""
        engine = self._engine
        slot: Any = engine._slot
        if engine.spider is None:
            raise RuntimeError(f"No open spider to crawl: {request}")
        own = connections.get(self._listening, _NOTHING)
        unusual = _ANYBODY in connections or AnySignal in own
        listeners = None if unusual else own.get(_SCHEDULED)
        if (unusual or (listeners and not self._passes(listeners, request))) and self._ignored(request):
            pass
        elif not slot.scheduler.enqueue_request(request) and (unusual or own.get(_DROPPED)):
            self._signals.send_catch_log(_DROPPED, request=request, spider=engine.spider)
        if slot.nextcall._call is None:
            slot.nextcall.schedule()

    def _passes(self, listeners: list[Any], request: Request) -> bool:
        """Whether only OFFSITE hears of it, and lets it pass."""
        if len(listeners) > 1:
            return False
        if listeners[0] is not self._heard_by:
            self._heard_by, self._judge = listeners[0], _judge_of(listeners[0])
        return self._judge is not None and self._judge.knows(request)

    def _ignored(self, request: Request) -> bool:
        fell_back(_HEARD)
        said = self._signals.send_catch_log(
            _SCHEDULED, request=request, spider=self._engine.spider, dont_log=IgnoreRequest
        )
        return any(isinstance(one, Failure) and isinstance(one.value, IgnoreRequest) for _, one in said)


def _judge_of(listener: Any) -> Judge | None:  # noqa: ANN401 - pydispatch is not typed
    """Return OFFSITE's judge where this refers to the method of Scrapy's middleware that asks it."""
    if type(listener) is not BoundMethodWeakref or listener.weakFunc() is not _OFFSITE:
        return None
    judge = getattr(getattr(listener.weakSelf(), "process_request", None), "__self__", None)
    return judge if type(judge) is Judge else None
