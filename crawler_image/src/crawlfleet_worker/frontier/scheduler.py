"""Which request comes next, and where do new ones go? The frontier's: this worker's buffer of leases and pushes.

A subclass of scrapy-redis' scheduler in name only; nothing here waits for Redis.
"""

import asyncio
import logging
from contextlib import suppress
from typing import Final

from redis.exceptions import AuthenticationError, NoPermissionError, RedisError
from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.dupefilters import BaseDupeFilter
from scrapy.statscollectors import StatsCollector
from scrapy.utils.defer import deferred_from_coro
from scrapy_redis.scheduler import Scheduler
from twisted.internet.defer import Deferred

from crawlfleet_frontier.errors import FrontierError, LayoutMismatch
from crawlfleet_worker.engine import EngineHandle, session_of
from crawlfleet_worker.exits import ExitCode, WorkerExit, last_line
from crawlfleet_worker.fast.rooms import ROOMS
from crawlfleet_worker.fast.switches import install
from crawlfleet_worker.fast.tally import Tally
from crawlfleet_worker.frontier.fleet import FleetLook
from crawlfleet_worker.frontier.holdings import Holdings
from crawlfleet_worker.frontier.keyed_seeds import KeyedSeeds
from crawlfleet_worker.frontier.parts import Parts, parts_of
from crawlfleet_worker.frontier.tracing import Tracer
from crawlfleet_worker.sentinel import access_denied
from crawlfleet_worker.session import Session
from crawlfleet_worker.settings import REQUEST_MAX_SECONDS

EXPIRE_EVERY: Final = 1.0
TELL_SECONDS: Final = 3.0
ITEMS_SECONDS: Final = 1.0

logger = logging.getLogger(__name__)


class NoDupeFilter(BaseDupeFilter):
    """The frontier judges duplicates."""


class FrontierScheduler(Scheduler):  # type: ignore[misc]
    """Scrapy's scheduler interface to the frontier."""

    spider: Spider
    stats: StatsCollector | None

    def __init__(self, crawler: Crawler, session: Session, parts: Parts) -> None:
        self._session, self._client = session, parts.client
        self._crawler, self._redis, self._engine = crawler, parts.redis, EngineHandle(crawler)
        self._modes = parts.robots_modes
        self.df = NoDupeFilter()
        self.stats = crawler.stats
        self.holdings = session.holdings = Holdings(crawler, parts.client, session, parts.delays)
        self._tracer = Tracer(crawler, self.holdings)
        seeds = KeyedSeeds(crawler, self.holdings, parts.redis, session.contract.seeds.key or parts.keys.seeds)
        self._look = FleetLook(parts.client, session.contract.seeds.key or "", seeds.feed, self._engine.wake)
        self._most_age = crawler.settings.getfloat(REQUEST_MAX_SECONDS)
        self._timer: asyncio.TimerHandle | None = None
        self._tally: Tally | None = None
        self._open = False
        session.leaving = self.leave
        parts.ready, parts.lost, parts.failed = self._engine.wake, self.holdings.lost, self._failed

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "FrontierScheduler":
        """Build the scheduler for this crawler, without a call to Redis."""
        return cls(crawler, session_of(crawler), parts_of(crawler))

    def __len__(self) -> int:
        """Return 1 where anything is held here, else 0: the queue itself is the fleet's."""
        return 0 if self.holdings.idle() else 1

    def open(self, spider: Spider) -> Deferred[None]:
        """Join the crawl; the engine waits for it. WorkerExit: the frontier refuses this worker."""
        self.spider = spider
        self._tally = self._tracer.tally = install(self._crawler, ROOMS)
        self._engine.trace(self._tracer)
        return deferred_from_coro(self._join())

    def close(self, reason: str) -> Deferred[None]:
        """Leave the crawl: everything that is still held goes back."""
        return deferred_from_coro(self.leave())

    def flush(self) -> None:
        """Do nothing: the frontier is the fleet's."""

    def enqueue_request(self, request: Request) -> bool:
        """Admit a request; False where it is known to be a duplicate."""
        if not self._open:
            logger.warning("This worker has left the crawl, the request is not taken: %s", request)
            return False
        self._look.idle = False
        admitted = self.holdings.admit(request)
        if self.stats is not None:
            self.stats.inc_value("scheduler/enqueued/frontier" if admitted else "dupefilter/filtered")
        return admitted

    def next_request(self) -> Request | None:
        """Return a request that may be sent now; None where there is none at the moment."""
        if not self._open or self._session.phase == "draining":
            return None
        request = self.holdings.next_pinned() or self._leased()
        if request is None:
            self._look_around()
        else:
            self._look.idle = False
            if self.stats is not None:
                self.stats.inc_value("scheduler/dequeued/frontier")
        return request

    def _leased(self) -> Request | None:
        while (lease := self._client.take_ready()) is not None:
            request = self.holdings.begin(lease)
            if request is not None:
                return request
        return None

    def _look_around(self) -> None:
        if self._session.contract.seeds.type != "Spider" or self.holdings.idle():
            self._look.look_soon()

    def has_pending_requests(self) -> bool:
        """Whether there may be work for anybody in the fleet."""
        return self._open and not (self._look.idle and self.holdings.idle())

    async def leave(self) -> None:
        """Give back what is unfinished, settle the rest, go; a second call does nothing."""
        if not self._open:
            return
        self._open = False
        if self._timer is not None:
            self._timer.cancel()
        self._look.stop()
        self._tell_pages()
        self.holdings.give_back_unfinished()
        await self._store_items()
        self.holdings.give_back_unstored()
        with suppress(FrontierError, RedisError):  # refused: it goes without a word
            await self._client.leave()
        await self._redis.aclose()

    async def _store_items(self) -> None:
        """Bring the items home, so that the pages that they are of are done."""
        items = self._session.items
        if items is not None:
            await asyncio.to_thread(items.finish, ITEMS_SECONDS)
        self.holdings.settle_stored()

    async def _join(self) -> None:
        loop = asyncio.get_running_loop()
        told = loop.call_later(TELL_SECONDS, self._tell_waiting)
        try:
            await self._client.__aenter__()
            await self._modes.load()
        except Exception as error:
            raise exit_of(error) from error
        finally:
            told.cancel()
        self._open = True
        if self._session.items is not None:
            self._session.items.on_stored = lambda: self._stored(loop)
        self._expire()

    def _stored(self, loop: asyncio.AbstractEventLoop) -> None:
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(self.holdings.settle_stored)

    def _tell_waiting(self) -> None:
        logger.info("Waiting for the operator to prepare the job (%s)", self._client.trouble or "no answer yet")

    def _expire(self) -> None:
        self.holdings.expire(self._most_age)
        self._tell_pages()
        self._timer = asyncio.get_running_loop().call_later(EXPIRE_EVERY, self._expire)

    def _tell_pages(self) -> None:
        if self._tally is not None:
            self._tally.tell(self._client.counts.add)

    def _failed(self, error: Exception) -> None:
        end = exit_of(error)
        self._session.end_with(end.code, end.message)


def exit_of(error: Exception) -> WorkerExit:
    """Return how a worker ends that the frontier refuses."""
    if isinstance(error, (AuthenticationError, NoPermissionError)):
        return access_denied(error)
    if isinstance(error, LayoutMismatch):
        message = f"the job's frontier has another layout ({error}): use an image that fits the operator's"
        return WorkerExit(ExitCode.LAYOUT_MISMATCH, message)
    return WorkerExit(ExitCode.WORKER_CRASHED, f"the frontier refuses this worker: {last_line(error)}")
