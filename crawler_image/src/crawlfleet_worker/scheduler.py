"""Which request comes next, and where do new ones go? scrapy-redis' scheduler, made fit to be shared by a fleet.

Its queue, serializer and keys are scrapy-redis' own. Ours: no worker ever empties shared state; Redis away
raises nothing into Scrapy's engine (requests that cannot be pushed are kept and pushed later); each request
taken is known until it has left the engine, so that a drain can give it back.
"""

import importlib
import logging
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

import redis
from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.utils.misc import load_object
from scrapy_redis import defaults
from scrapy_redis import queue as queues
from scrapy_redis.dupefilter import RFPDupeFilter
from scrapy_redis.scheduler import Scheduler

from crawlfleet_frontier import counters
from crawlfleet_frontier.commands import Take
from crawlfleet_worker.clients import loop_client
from crawlfleet_worker.engine import EngineHandle, session_of
from crawlfleet_worker.outage import Outage
from crawlfleet_worker.session import Session
from crawlfleet_worker.taking import Taker

RESEND_SECONDS = 0.5
"""At most so long in one turn of the event loop are kept requests pushed."""

_ENDS: Mapping[type[Any], Take] = {
    queues.PriorityQueue: "first",
    queues.FifoQueue: "last",
    queues.LifoQueue: "first",
}
"""Where each of scrapy-redis' queue classes pops. A class of the user's own pops as it likes, unnumbered."""

logger = logging.getLogger(__name__)


class SharedDupeFilter(RFPDupeFilter):  # type: ignore[misc]
    """scrapy-redis' duplicate filter; the set of fingerprints is the fleet's, so no worker clears it."""

    def close(self, reason: str = "") -> None:
        """Keep the fingerprints."""

    def clear(self) -> None:
        """Keep the fingerprints."""


class SharedScheduler(Scheduler):  # type: ignore[misc]
    """scrapy-redis' scheduler for one of many workers."""

    server: redis.Redis
    spider: Spider
    session: Session
    engine: EngineHandle

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.outage = Outage("the scheduler")
        self._kept: deque[tuple[Request, bool]] = deque()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "SharedScheduler":
        """Build the scheduler from the settings, as scrapy-redis does, but without a call to Redis."""
        settings = crawler.settings
        server = loop_client(settings["REDIS_URL"])
        serializer = settings.get("SCHEDULER_SERIALIZER")
        scheduler = cls(
            server=server,
            persist=True,
            queue_key=settings["SCHEDULER_QUEUE_KEY"],
            queue_cls=settings.get("SCHEDULER_QUEUE_CLASS", defaults.SCHEDULER_QUEUE_CLASS),
            dupefilter=SharedDupeFilter(
                server, settings["SCHEDULER_DUPEFILTER_KEY"], settings.getbool("DUPEFILTER_DEBUG")
            ),
            serializer=importlib.import_module(serializer) if isinstance(serializer, str) else serializer,
        )
        scheduler.stats = crawler.stats
        scheduler.session = session_of(crawler)
        scheduler.session.scheduler = scheduler
        scheduler.engine = EngineHandle(crawler)
        return scheduler

    def open(self, spider: Spider) -> None:
        """Set up the queue and begin to watch what leaves the engine."""
        self.spider = spider
        queue_class = load_object(self.queue_cls)
        self.queue = queue_class(server=self.server, spider=spider, key=self.queue_key, serializer=self.serializer)
        which = _ENDS.get(type(self.queue))
        self.taker = Taker(self.server, self.session, self.queue.key, which) if which else None
        self.session.recover.append(self._recover)
        self.engine.watch(self._left)

    def close(self, reason: str) -> None:
        """Leave everything in Redis: other workers go on."""

    def flush(self) -> None:
        """Do nothing: the queue is the fleet's, and a worker never empties it."""
        logger.warning("flush() was called and is ignored: the queue is shared by all workers of the job")

    def enqueue_request(self, request: Request) -> bool:
        """Push a request unless it was seen; False says it was.

        Where Redis is away it is kept, and True returned.
        """
        if not self.outage.over:
            self._keep(request, unclear=False)
            return True
        return self._try_to_push(request, unclear=False)

    def next_request(self) -> Request | None:
        """Take the next request from the queue; None where there is none, Redis is away, or the worker drains."""
        if self.session.phase == "draining" or not self.outage.over:
            return None
        self.push_kept()
        return self._pop()

    def has_pending_requests(self) -> bool:
        """Whether there may be work: where Redis cannot say, there may."""
        if self._kept or not self.outage.over:
            return True
        try:
            return len(self) > 0
        except redis.RedisError as error:
            self._failed(error)
            return True

    def push_kept(self, seconds: float = RESEND_SECONDS) -> None:
        """Push requests that Redis did not take before, until one fails or the time is over."""
        deadline = time.monotonic() + seconds
        while self._kept and self.outage.over and time.monotonic() < deadline:
            request, unclear = self._kept.popleft()
            self._try_to_push(request, unclear)
        self.session.unsent = len(self._kept)

    def give_back(self) -> int:
        """Push all requests that are still in progress back to the queue, and return how many they were.

        Raises redis.RedisError where Redis is away: they are lost then.
        """
        given = 0
        for request in list(self.session.taken):
            try:
                self.queue.push(request)
            except redis.RedisError:
                raise
            except Exception:
                logger.exception("Cannot be given back, it is lost: %s", request)
            else:
                given += 1
            self.session.taken.discard(request)
        return given

    def _pop(self) -> Request | None:
        try:
            request = self._take()
        except redis.RedisError as error:
            self._failed(error)
            return None
        except Exception:
            logger.exception("A queued request cannot be read and is dropped; was a callback renamed?")
            self.session.counts.add(counters.labelled(counters.ERRORS, "spider"))
            self.engine.wake()
            return None
        self.outage.worked()
        if request is not None:
            self.stats.inc_value("scheduler/dequeued/redis")
        return request

    def _take(self) -> Request | None:
        if self.taker is None:
            return self._take_unnumbered()
        with self.taker.taking(1) as entries:
            if not entries:
                return None
            request: Request = self.queue._decode_request(entries[0])
            self.session.take(request)
            return request

    def _recover(self) -> None:
        if self.taker is not None and self.taker.unclear:
            self._take()

    def _take_unnumbered(self) -> Request | None:
        self.session.popping += 1
        try:
            request: Request | None = self.queue.pop()
            if request is not None:
                self.session.take(request)
            return request
        finally:
            self.session.popping -= 1

    def _try_to_push(self, request: Request, unclear: bool) -> bool:
        """Push; `unclear` means that an earlier try may have marked it as seen without pushing it."""
        try:
            if not request.dont_filter and self.df.request_seen(request) and not unclear:
                self.df.log(request, self.spider)
                return False
            self.queue.push(request)
        except redis.RedisError as error:
            self._failed(error)
            self._keep(request, unclear=True)
            return True
        except Exception:
            logger.exception("Cannot be serialised for the queue and is dropped: %s", request)
            self.session.counts.add(counters.labelled(counters.ERRORS, "spider"))
            return False
        self.outage.worked()
        self.stats.inc_value("scheduler/enqueued/redis")
        return True

    def _failed(self, error: redis.RedisError) -> None:
        """Leave Redis alone for a while, and look again when it is over rather than at the engine's next poll."""
        self.engine.wake_after(self.outage.failed(error))

    def _keep(self, request: Request, unclear: bool) -> None:
        self._kept.append((request, unclear))
        self.session.unsent = len(self._kept)

    def _left(self, request: Request) -> None:
        if self.session.leave(request):
            self.session.counts.add(counters.REQUESTS_DONE)
