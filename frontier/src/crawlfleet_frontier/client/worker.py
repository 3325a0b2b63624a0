"""How does a Python process take part in a crawl? It opens a `FrontierClient`.

    async with FrontierClient(url, uid, pod_uid) as frontier:
        async for lease in frontier.leases():
            if frontier.sent(lease):                     # right before the request goes out
                response = await fetch(lease.request.url)
                frontier.closed(lease, first_byte=…)     # the connection is free
                frontier.push(requests, parent=lease)    # what was found
                frontier.done(lease)                     # everything is done with it

A lease and its slot are two things with two ends: `closed` frees the host for the next request, `done` (or `retry`,
`dead`, `release`, `expired`) ends the work on this one. What is said about a lease that was lost changes nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import Literal, Self

from crawlfleet_frontier import counters, envelope, identity
from crawlfleet_frontier.client import clock
from crawlfleet_frontier.client.beats import Word
from crawlfleet_frontier.client.channel import OnRestart
from crawlfleet_frontier.client.counts import Counts
from crawlfleet_frontier.client.handing import Handing
from crawlfleet_frontier.client.leases import Lease, Slot
from crawlfleet_frontier.client.outbox import End
from crawlfleet_frontier.client.reports import Ending
from crawlfleet_frontier.client.session import Session
from crawlfleet_frontier.client.sessions import Place, Sessions
from crawlfleet_frontier.client.settings import Settings
from crawlfleet_frontier.client.store_talk import numbered, plain
from crawlfleet_frontier.client.wire import RedisWire, Wire
from crawlfleet_frontier.envelope import FrontierRequest
from crawlfleet_frontier.errors import Fenced
from crawlfleet_frontier.pace import calls as pace_calls
from crawlfleet_frontier.pace import replies as pace_replies
from crawlfleet_frontier.pace.calls import UNCHANGED, Outcome
from crawlfleet_frontier.pace.keys import PaceKeys
from crawlfleet_frontier.store import calls, replies
from crawlfleet_frontier.store.keys import StoreKeys

LONGEST_ERROR = 500
"""Bytes of a dead letter's error."""

Fingerprint = Callable[[FrontierRequest], bytes]


def plain_fingerprint(request: FrontierRequest) -> bytes:
    """Return the fingerprint of workers that have none of their own: method, URL as written, body."""
    return identity.url_fingerprint(request.url, request.method, request.body)


class FrontierClient:
    """One worker of a crawl. All methods belong on one event loop; `counts` may be used from any thread."""

    def __init__(
        self,
        url: str,
        uid: str,
        epoch_prefix: str,
        *,
        pace_url: str = "",
        settings: Settings | None = None,
        fingerprint: Fingerprint = plain_fingerprint,
        on_lost: Callable[[Sequence[Lease]], None] | None = None,
        on_ready: Callable[[], None] | None = None,
        on_failed: Callable[[Exception], None] | None = None,
        on_restart: OnRestart | None = None,
        state: Callable[[], Mapping[str, object]] | None = None,
        wire: Callable[[str, float], Wire] = RedisWire,
    ) -> None:
        """Name the job.

        `url` is Redis', `uid` the CrawlJob's, `epoch_prefix` the pod's UID (or whatever names this process' place: a
        successor under the same prefix takes its predecessor for dead). `on_lost` hears of leases that were taken from
        this worker: their connections are to be closed. `on_ready` is for a consumer that never waits (`take_ready`):
        it is called when a request may be sent, `on_failed` when nothing goes on any more. `on_restart` is awaited
        before anything is said to a Redis that was started anew: the end of its file may be lost, and what a page
        needs there before it is done is to be written again. `state` goes with every beat, from a thread.
        """
        self.counts = Counts()
        self.settings = settings or Settings()
        self._store_keys, self._pace_keys = StoreKeys(uid), PaceKeys(uid)
        self._fingerprint = fingerprint
        self._on_lost, self._on_failed, self._state = on_lost, on_failed, state
        self._handing = Handing(lambda: self._sessions.current, on_ready)
        place = Place(url, pace_url or url, self._store_keys, self._pace_keys, epoch_prefix, wire, on_restart)
        self._sessions = Sessions(place, self._handing, self)
        self._seeding: Session | None = None
        self._seeds = 0
        self._known_met = 0
        """Not counted yet: most links are known, so they are counted together."""
        self._fatal: Exception | None = None
        self._watchers: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self.seed_state = ""
        self.suspects = 0

    async def __aenter__(self) -> Self:
        """Join the crawl; waits until its frontier is there."""
        self._sessions.open()
        await self._sessions.joined
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give everything back and go."""
        await self.leave()

    @property
    def epoch(self) -> str:
        """The worker's name in both stores; another one after every fencing, empty while it has none."""
        return self._sessions.current.epoch if self._sessions.current else ""

    @property
    def trouble(self) -> str:
        """Why Redis cannot be talked to at the moment; empty where it can."""
        session = self._sessions.current
        return (session.store.trouble or session.pace.trouble) if session else "not joined"

    @property
    def policy_version(self) -> str:
        """The version of the pace store's policy, as its last answer named it; empty before the first."""
        return self._sessions.current.to_pace.policy_version if self._sessions.current else ""

    @property
    def closed_job(self) -> bool:
        """Whether the job is closed: there will be no further requests."""
        return self._sessions.current is not None and self._sessions.current.books.closed

    # Requests to send.

    async def leases(self) -> AsyncIterator[Lease]:
        """Yield requests, each when it may be sent, until the job is closed or this worker drains."""
        while True:
            lease = await self.next_lease()
            if lease is None:
                return
            yield lease

    async def next_lease(self) -> Lease | None:
        """Wait for the next request; None where there will be none. Several may wait at once."""
        if self._fatal:
            raise self._fatal
        return await self._handing.next()

    def take_ready(self) -> Lease | None:
        """Return a request that may be sent now, without waiting; None where there is none at the moment.

        `on_ready` is called when asking again is worth it.
        """
        if self._fatal or self._handing.finished():
            return None
        return self._handing.take()

    async def slot(self, host: str) -> Slot:
        """Wait for a slot of a host, for a request that came from no lease.

        Raises HostBlockedError, or Fenced where this worker lost its place meanwhile.
        """
        session = self._live()
        future = session.books.asks.add(host, clock.now())
        session.nudge()
        slot = await future
        self._handing.out[slot] = session
        try:
            await asyncio.sleep(max(0.0, slot.grant.not_before - clock.now()))
        except asyncio.CancelledError:
            self.closed(slot)
            raise
        return slot

    def sent(self, what: Lease | Slot) -> bool:
        """Say that the request goes out now; call it after connecting, right before the first byte is written.

        False: its time has passed, and it must not be sent. A lease has gone back to the buffer then.
        """
        slot = what.slot if isinstance(what, Lease) else what
        session = self._handing.out.get(slot) if slot else None
        if slot is None or session is None:
            return False
        now = clock.now()
        if not session.over and session.books.grants.sent(slot, now):
            return True
        self._handing.out.pop(slot, None)
        if isinstance(what, Lease) and not what.ended:
            session.books.stock.add(what, now, first=True)
            session.books.stock.pair(what.host, now)
            session.nudge()
        return False

    def closed(
        self,
        what: Lease | Slot,
        *,
        first_byte: float | None = None,
        outcome: Outcome = Outcome.NONE,
        retry_after_ms: int = 0,
        crawl_delay_ms: int = UNCHANGED,
    ) -> None:
        """Say that the connection is closed, or free for another request.

        `first_byte` is `clock.now()` at the first byte of the response; None where none came.
        """
        slot = what.slot if isinstance(what, Lease) else what
        session = self._handing.out.pop(slot, None) if slot else None
        if slot is None or session is None:
            return
        if session.over:
            self._sessions.free(session)
        else:
            session.closed(slot, Ending(first_byte, outcome, retry_after_ms, crawl_delay_ms))
            self._handing.offer()

    # What was found, and how it ended.

    def push(self, requests: Iterable[FrontierRequest], *, parent: Lease | None = None) -> None:
        """Admit requests in the background. BadInput names one that cannot be carried; those before it were taken."""
        for request in requests:
            fingerprint = self._fingerprint(request)
            own = request
            if request.dont_filter:
                ordinal = parent.children if parent else self._seeds
                own = replace(
                    request, id=identity.child_id(parent.id if parent else identity.SEED_PARENT, ordinal, fingerprint)
                )
            id_ = own.id or identity.request_id(fingerprint)
            if self.knows(id_):
                self._count_child(parent)
                continue
            band = identity.band_of(own.priority)
            self.admit(calls.PushRequest(id_, identity.host_of(own.url), band, envelope.encode(own)), parent)

    def knows(self, id_: str) -> bool:
        """Whether the frontier has admitted a request of this id before, which is counted; it need not be pushed then.

        False where that is not known here: the frontier will say.
        """
        session = self._sessions.current
        if session is None or self._fatal:
            session = self._live()
        known = session.books.known
        is_known = id_ in known.young or id_ in known
        self._known_met += is_known
        return is_known

    def admit(self, request: calls.PushRequest, parent: Lease | None = None) -> None:
        """Admit one request that is identified and encoded already."""
        session = self._live()
        self._count_child(parent)
        if parent is None or not parent.lost:
            session.books.outbox.push(request, parent, clock.now())
            session.nudge()

    def _count_known(self) -> None:
        if self._known_met:
            self.counts.add(counters.KNOWN, self._known_met)
            self._known_met = 0

    def _count_child(self, parent: Lease | None) -> None:
        """Count one more request of this parent: its number is part of the identity of those that are not filtered."""
        if parent is None:
            self._seeds += 1
        else:
            parent.children += 1

    def done(self, lease: Lease) -> bool:
        """Everything is done with this request; False where the lease was lost or ended before."""
        return self._end(End(lease, "done"))

    def retry(self, lease: Lease, delay_ms: int = 0, request: FrontierRequest | None = None) -> bool:
        """Fetch it again so much later; `request` where it changes (the id stays)."""
        return self._end(End(lease, "retry", delay_ms, envelope.encode(request) if request else b""))

    def dead(self, lease: Lease, reason: str, error: str = "") -> bool:
        """Give it up: a dead letter with a reason (one word) and the last error."""
        return self._end(End(lease, "dead", reason=reason, error=_cut(error)))

    def release(self, lease: Lease) -> bool:
        """Give it back to the front of its host, as if it had not been taken."""
        return self._end(End(lease, "release"))

    def expired(self, lease: Lease) -> bool:
        """Give it up after its maximum age: it is suspect, as if this worker had died of it."""
        return self._end(End(lease, "expired"))

    # Seeds, robots.txt.

    async def claim_seeds(self) -> str:
        """Claim the right to push the seeds: `run` (do it), `wait` (another worker does), `seeded`."""
        session = self._live()
        answer = await session.store.submit(plain(calls.seed(self._store_keys, session.epoch, "claim")), numbered=False)
        word = replies.read_seed(answer.reply)
        self._seeding = session if word == "run" else None
        return word

    async def seeds_done(self) -> None:
        """Say that all seeds are pushed; waits until the store has confirmed them. Fenced where the claim was lost."""
        await self.flushed()
        await self._seed_word("done")

    async def push_seeds(self, requests: Sequence[calls.PushRequest], key: str, entries: Sequence[str | bytes]) -> None:
        """Admit what these entries of a start URL key were made into, and take the entries away, in one step.

        At most 500 requests, 500 entries and 1 MiB. Waits for the store. Raises Fenced, Closed, BadInput (the key
        holds no LIST, SET or ZSET), redis.OutOfMemoryError: nothing was admitted or taken away then.
        """
        session = self._live()
        call = calls.push(self._store_keys, requests, drained_key=key, drained=entries)
        answer = await session.store.submit(numbered(call))
        if not session.over:
            session.to_store.pushed(requests, answer)
            session.step()

    async def snapshot(self, start_urls_key: str = "") -> replies.StoreSnapshot:
        """Look at the job: what is queued, leased, seeded. For a worker with nothing to do, about once a second."""
        call = plain(calls.snapshot(self._store_keys, start_urls_key))
        answer = await self._live().store.submit(call, numbered=False)
        return replies.read_snapshot(answer.reply)

    async def abandon_seeds(self) -> None:
        """Give the claim back: another worker is to push the seeds."""
        await self._seed_word("abandon")

    async def flushed(self) -> None:
        """Wait until everything pushed so far is admitted."""
        books = self._live().books
        books.flushing += 1
        self._live().nudge()
        try:
            await self._wait_for(books.outbox.pushes_confirmed)
        finally:
            books.flushing -= 1

    async def robots(
        self,
        *,
        reads: Iterable[str] = (),
        claims: Iterable[pace_calls.RobotsClaim] = (),
        writes: Iterable[pace_calls.RobotsWrite] = (),
    ) -> tuple[pace_replies.RobotsAnswer, ...]:
        """Read, claim and write what origins' robots.txt said, for the whole fleet."""
        session = self._live()
        elapsed = session.to_pace.elapsed.since_last(clock.now())
        call = pace_calls.robots(self._pace_keys, session.epoch, elapsed, reads, claims, writes)
        answer = await session.pace.submit(plain(call), numbered=False)
        return pace_replies.read_robots(answer.reply)

    # Going.

    def drain(self) -> None:
        """Take nothing more: what was not handed out goes back, `leases` ends. What is held is finished as before."""
        session = self._live()
        if not session.books.draining:
            session.books.drain(clock.now())
            session.nudge()
            self._handing.offer()

    async def leave(self) -> None:
        """Drain, give back what is still held, bring the counters home, go."""
        session = self._sessions.current
        if session is None:
            return
        self._count_known()
        self.drain()
        for slot, _ in list(self._handing.out.items()):
            self.closed(slot)
        with suppress(TimeoutError, Fenced):  # fenced: the reply to a leave was lost, or somebody else cleared up
            async with asyncio.timeout(self.settings.leave_seconds):
                await self._go()
        await self._sessions.end()

    async def _go(self) -> None:
        await self._wait_for(lambda: self._live().quiet())
        session = self._live()
        if self._seeding is session:
            await self.abandon_seeds()
        await self._sessions.stop_beating()
        left = 1
        while left:
            call = plain(calls.leave(self._store_keys, session.epoch))
            left = replies.read_moved((await session.store.submit(call, numbered=False)).reply).left

    # What the sessions ask and say.

    def beat_state(self, session: Session) -> Mapping[str, object]:
        """Return what goes with the session's next beat."""
        if self._state:
            return self._state()
        phase = "draining" if session.books.draining else "running"
        return {"in_flight": len(session.books.held.leases), "phase": phase}

    def read_lease(self, granted: replies.Granted) -> Lease:
        """Read a leased request; BadInput where it cannot be read."""
        request = envelope.decode(granted.payload)
        own = request.id or identity.request_id(self._fingerprint(request))
        return Lease(granted.token, granted.host, granted.band, granted.losses, request, own)

    def on_joined(self, joined: replies.Joined) -> None:
        """Take in how the job stands."""
        self.seed_state = joined.seed_state

    def on_step(self) -> None:
        """Hand out what may be sent, and wake who waits for something."""
        self._count_known()
        self._handing.offer()
        for entry in list(self._watchers):
            if entry[0]():
                self._watchers.remove(entry)
                if not entry[1].done():
                    entry[1].set_result(None)

    def on_fatal(self, error: Exception) -> None:
        """End everything with this error."""
        self._fatal = self._fatal or error
        self._handing.fail(error)
        if self._on_failed:
            self._on_failed(error)
        for _, future in self._watchers:
            if not future.done():
                future.set_exception(error)
        self._watchers.clear()

    def on_lost(self, leases: Sequence[Lease]) -> None:
        """Tell the consumer that these are no longer its own."""
        if self._on_lost:
            self._on_lost(leases)

    def on_word(self, word: Word) -> None:
        """Take in how the job stands, and do what the store wants done."""
        session = self._sessions.current
        if session is None or session.over:
            return
        books = session.books
        self.seed_state, self.suspects = word.beaten.seed_state, word.beaten.suspects
        books.closed = word.beaten.job_state == "closed"
        if word.memory_share is not None:
            books.memory_share(word.memory_share)
        if word.beaten.to_reap:
            session.to_store.reap()
        if word.beaten.mismatch:
            session.to_store.reconcile()
        session.step()

    # Small parts.

    def _live(self) -> Session:
        if self._fatal:
            raise self._fatal
        if self._sessions.current is None:
            raise RuntimeError("this FrontierClient has not joined, or has left: use `async with`")
        return self._sessions.current

    def _end(self, end: End) -> bool:
        lease = end.lease
        if lease.slot:
            self.closed(lease)
        session = self._sessions.current
        if lease.ended or session is None:
            return False
        session.end(end)
        return True

    async def _seed_word(self, word: Literal["done", "abandon"]) -> None:
        session, self._seeding = self._seeding, None
        if session is None or session.over:
            raise Fenced("the claim on the seeds was lost: another worker pushes them")
        await session.store.submit(plain(calls.seed(self._store_keys, session.epoch, word)), numbered=False)

    async def _wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until it holds; it is looked at after every step."""
        if not condition():
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._watchers.append((condition, future))
            self._live().nudge()
            await future


def _cut(error: str) -> str:
    return error.encode()[:LONGEST_ERROR].decode(errors="ignore")
