"""What does this worker hold, and when is the frontier told that it is through with it?

A lease is settled when its request has left the engine (downloaded, callback and pipelines ended) and with it every
request that could not travel and is kept here under that lease: it is *pinned*.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from redis.exceptions import RedisError
from scrapy import Request
from scrapy.crawler import Crawler

from crawlfleet_frontier import counters
from crawlfleet_frontier.client import FrontierClient, Lease, clock
from crawlfleet_frontier.errors import BadInput, FrontierError
from crawlfleet_worker.frontier.admitting import Admitting
from crawlfleet_worker.frontier.callbacks import UnknownCallback
from crawlfleet_worker.frontier.carrying import CannotCarry, CannotRestore, Carried
from crawlfleet_worker.frontier.gateway import Delays, LeasedSlot
from crawlfleet_worker.frontier.lineage import Holding, Lineage, Origin, Work
from crawlfleet_worker.frontier.outcomes import Verdict, decide
from crawlfleet_worker.frontier.ports import wiring_of
from crawlfleet_worker.frontier.restoring import restored
from crawlfleet_worker.session import Session
from crawlfleet_worker.spiders import spider_of

UNKNOWN_CALLBACK_SECONDS: Final = 30
"""A request whose callback this image does not have comes again after so long: perhaps to a newer image."""

UNKNOWN_CALLBACKS: Final = "unknown_callbacks"
PINNED: Final = "pinned"
EXPIRED: Final = "given_up"

logger = logging.getLogger(__name__)


class Holdings:
    """The leases of one worker, the requests in its engine, and what came of them."""

    def __init__(self, crawler: Crawler, client: FrontierClient, session: Session, delays: Delays) -> None:
        self.client, self.lineage = client, Lineage()
        self.admitting = Admitting(crawler, client)
        self._crawler, self._session, self._delays = crawler, session, delays
        self._wiring = wiring_of(crawler)
        self._holdings: set[Holding] = set()
        self._pins: deque[tuple[Request, Work]] = deque()
        self._pinned_ids: set[str] = set()
        self._unstored: deque[tuple[int, Holding]] = deque()
        """What is finished, in order, and how many items must be stored before it is settled."""
        self.pinned_seeds = 0
        self.seeds_ended = asyncio.Event()
        """Set whenever no pinned seed is left."""

    # What goes into the engine.

    def begin(self, lease: Lease) -> Request | None:
        """Make a request of a lease, for the engine; None where this image cannot (the lease is ended then)."""
        carried = self._restored(lease)
        if carried is None:
            return None
        request = carried.request
        holding = Holding(lease, clock.now(), unfinished=1)
        self._holdings.add(holding)
        if lease.slot:
            self._wiring.slots.give(request, LeasedSlot(self.client, lease.slot, self._delays))
        self._wiring.jar_versions.arrived(request, carried.jar_version)
        self._enter(request, Work(holding, carried.id))
        return request

    def next_pinned(self) -> Request | None:
        """Return the next request that is kept here; None where there is none."""
        while self._pins:
            request, work = self._pins.popleft()
            if work.holding.lost:
                self._finish(work)
                continue
            self._enter(request, work)
            return request
        return None

    def _enter(self, request: Request, work: Work) -> None:
        self.lineage.begin(request, work)
        self._session.take(request)

    def _restored(self, lease: Lease) -> Carried | None:
        try:
            return restored(lease.request, spider_of(self._crawler))
        except UnknownCallback as error:
            logger.warning("%s", error)
            self.client.counts.add(UNKNOWN_CALLBACKS)
            self.client.retry(lease, UNKNOWN_CALLBACK_SECONDS * 1000)
        except CannotRestore as error:
            self.client.dead(lease, "Unreadable", str(error))
        return None

    # What it gives.

    def admit(self, request: Request) -> bool:
        """Admit a request, or keep it here where it cannot travel; False where it is known to be a duplicate."""
        if not request.dont_filter:
            own = self.admitting.identity_of(request) or self.admitting.filtered_id_of(request)
            if self.client.knows(own):
                self.lineage.forget_origin(request)
                return False
            origin = self.lineage.take_origin(request)
        else:
            origin = self.lineage.take_origin(request)
            if origin is not None and origin.work is not None and self._is_retry(request, origin):
                self._retry(request, origin, origin.work)
                return True
            own = self.admitting.unfiltered_id_of(request, origin)
            if self.client.knows(own):
                return False
        try:
            admission = self.admitting.admission(request, origin, own)
        except (CannotCarry, BadInput) as error:
            return self._pin(request, origin, own, error)
        parent = origin.work.holding.lease if origin is not None and origin.work is not None else None
        self.client.admit(admission, parent)
        return True

    def _is_retry(self, request: Request, origin: Origin) -> bool:
        """Whether it is its parent, once more: no admission then, it keeps its identity."""
        if not (origin.from_downloader and origin.parent is not None):
            return False
        return self.admitting.fingerprint(request) == self.admitting.fingerprint(origin.parent)

    def _retry(self, request: Request, origin: Origin, work: Work) -> None:
        own = self.admitting.id_of_parent(origin.parent or request, work)
        if work.pinned:
            self._keep(request, Work(work.holding, own, pinned=True))
            return
        try:
            work.holding.again = self.admitting.again(request, origin.parent or request, own)
            work.facts.again = True
        except CannotCarry as error:
            logger.warning("It is kept by this worker: %s", error)
            self._keep(request, Work(work.holding, own, pinned=True))

    def _pin(self, request: Request, origin: Origin | None, own: str, why: Exception) -> bool:
        if not request.dont_filter and own in self._pinned_ids:
            return False
        self._pinned_ids.add(own)
        self.client.counts.add(PINNED)
        logger.warning("This worker keeps the request, and its parent is not done before it is: %s", why)
        holding = origin.work.holding if origin is not None and origin.work is not None else Holding(None, clock.now())
        self._keep(request, Work(holding, own, pinned=True))
        return True

    def _keep(self, request: Request, work: Work) -> None:
        if work.holding.lease is None:
            self.pinned_seeds += not work.holding.unfinished
            self.seeds_ended.clear()
        work.holding.unfinished += 1
        self._pins.append((request, work))

    # What comes of it.

    def left(self, request: Request) -> None:
        """Take in that a request has left the engine for good."""
        work = self.lineage.end(request)
        if work is None:
            return
        self._session.leave(request)
        self._wiring.slots.leave(request)
        verdict = decide(work.facts)
        if not work.holding.lost:
            self._count(verdict)
        if work.pinned and work.facts.failure is not None and verdict.kind == "retry":
            self._pin_again(request, work, verdict)
        if not work.pinned:
            work.holding.verdict = verdict
        elif verdict.kind == "dead":
            self._worsen(work.holding, verdict)
        self._finish(work)

    def _count(self, verdict: Verdict) -> None:
        if verdict.counted:
            self.client.counts.add(verdict.counted)
        if verdict.kind != "retry":
            self.client.counts.add(counters.REQUESTS_DONE)

    def _pin_again(self, request: Request, work: Work, verdict: Verdict) -> None:
        """Let a pinned request that waits for its robots.txt come again later."""
        again = Work(work.holding, work.id, pinned=True)
        work.holding.unfinished += 1
        loop = asyncio.get_running_loop()
        loop.call_later(verdict.delay_ms / 1000, lambda: self._pins.append((request, again)))

    def _worsen(self, holding: Holding, verdict: Verdict) -> None:
        """Let the parent's dead letter stand for a pinned request that failed: it is nowhere else."""
        if holding.lease is None:
            logger.error("A seed that cannot be carried failed and is lost: %s %s", verdict.reason, verdict.error)
        elif holding.verdict is None or holding.verdict.kind == "done":
            holding.verdict = verdict

    def _finish(self, work: Work) -> None:
        holding = work.holding
        holding.unfinished -= 1
        if holding.unfinished:
            return
        if holding.lease is None:
            self._holdings.discard(holding)
            self.pinned_seeds -= 1
            if not self.pinned_seeds:
                self.seeds_ended.set()
        else:
            self._unstored.append((self._items_added(), holding))
            self.settle_stored()

    def _items_added(self) -> int:
        return self._session.items.added if self._session.items is not None else 0

    def settle_stored(self) -> None:
        """Settle what is finished and whose items are in Redis: an item is stored before its page counts as done."""
        items = self._session.items
        stored = items.stored if items is not None else 0
        while self._unstored and self._unstored[0][0] <= stored:
            holding = self._unstored.popleft()[1]
            self._holdings.discard(holding)
            if holding.lease is not None and not holding.lost:
                self._settle(holding, holding.lease)
        if items is not None and self._unstored and len(self._unstored) == len(self._holdings):
            items.hurry()  # nothing else is under way

    def _settle(self, holding: Holding, lease: Lease) -> None:
        verdict = holding.verdict or Verdict("done")
        if verdict.kind == "retry":
            self.client.retry(lease, verdict.delay_ms, holding.again)
        elif verdict.kind == "dead":
            self.client.dead(lease, verdict.reason, verdict.error)
        else:
            self.client.done(lease)

    # What ends otherwise.

    def expire(self, older_than: float) -> None:
        """Give up leases that are older than so many seconds: a callback or a download that never ends."""
        for holding in list(self._holdings):
            if holding.lease is not None and not holding.lost and clock.now() - holding.since > older_than:
                logger.error("Given up after %.0f s: <%s>", older_than, holding.lease.request.url[:200])
                self.client.counts.add(EXPIRED)
                self.client.expired(holding.lease)
                self._holdings.discard(holding)

    def lost(self, leases: Sequence[Lease]) -> None:
        """Take in that these leases are this worker's no more: what comes of them is nobody's business."""
        logger.warning("%d requests were taken from this worker: it was taken for lost, and begins anew", len(leases))
        self._delays.forget_told()
        self._holdings = {holding for holding in self._holdings if not holding.lost}

    def drain(self) -> None:
        """Take nothing more; what is in the engine is finished."""
        with suppress(RuntimeError, FrontierError, RedisError):  # not joined yet, gone, or refused
            self.client.drain()

    def give_back_unfinished(self) -> None:
        """Release what is in the engine or pinned: what comes of it from now on counts no more."""
        self._release([holding for holding in self._holdings if holding.unfinished])
        self._pins.clear()

    def give_back_unstored(self) -> None:
        """Release what is finished, but whose items Redis did not take."""
        self._release([holding for _, holding in self._unstored])
        self._unstored.clear()

    def _release(self, holdings: Sequence[Holding]) -> None:
        for holding in holdings:
            self._holdings.discard(holding)
            if holding.lease is not None and not holding.lost:
                self.client.release(holding.lease)

    def idle(self) -> bool:
        """Whether nothing is held here."""
        return not self._holdings and not self._pins and not self.pinned_seeds
