"""What does a worker say to the frontier store, and when: pushes, endings, leases, wake-ups passed on.

Each `…_due` method sends what is due and returns when it wants to be asked again.
"""

from asyncio import Future
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Final, Protocol

from redis.exceptions import OutOfMemoryError

from crawlfleet_frontier.calls import ScriptCall
from crawlfleet_frontier.client import clock, rhythm
from crawlfleet_frontier.client.books import Books
from crawlfleet_frontier.client.channel import Answer, Build
from crawlfleet_frontier.client.leases import Lease, Slot
from crawlfleet_frontier.client.news import Entries
from crawlfleet_frontier.client.outbox import Batch, End, settlement
from crawlfleet_frontier.client.patience import Backoff
from crawlfleet_frontier.envelope import FrontierRequest
from crawlfleet_frontier.errors import BadInput, Closed
from crawlfleet_frontier.store import calls, replies
from crawlfleet_frontier.store.keys import StoreKeys

MOST_PUSHES_UNDER_WAY: Final = 4
MOST_LEASES_AHEAD: Final = 256
"""Of one host without a delay."""

Then = Callable[[Answer], None]
Failed = Callable[[Exception], bool]
"""Takes an error in; returns whether it was expected."""
Read = Callable[[replies.Granted], Lease]
"""Reads a leased request; BadInput where it cannot be read."""


class Send(Protocol):
    """Sends a call to the store of this talk and has its answer taken in."""

    def __call__(self, build: Build, then: Then, failed: Failed | None = None, *, numbered: bool = True) -> None:
        """Send it."""


def numbered(call: ScriptCall) -> Build:
    """Return the call as it is sent under its number."""
    return lambda sending: call.numbered(sending.epoch, sending.number)


def plain(call: ScriptCall) -> Build:
    """Return a call that has no number."""
    return lambda _sending: call


@dataclass(slots=True)
class StoreTalk:
    """The talk of one epoch with its frontier store."""

    books: Books
    keys: StoreKeys
    send: Send
    read: Read
    nudge: Callable[[], None]
    """Has the books looked at soon."""
    trip: rhythm.RoundTrip = field(default_factory=rhythm.RoundTrip)
    _elapsed: rhythm.Elapsed = field(default_factory=rhythm.Elapsed)
    _pushing: int = 0
    _busy: set[str] = field(default_factory=set)
    """Which of the calls that go one by one have no answer yet."""
    _last_lease: float = -inf
    _last_strike: float = -inf
    _asked: dict[str, int] = field(default_factory=dict)
    _news: bool = False
    """The outbox shows hosts that a hungry worker should look for."""
    _reconcile: bool = False
    _full: Backoff = field(default_factory=lambda: Backoff(first=1.0, longest=30.0))

    def push_due(self, now: float) -> float:
        """Admit what was found."""
        outbox, books = self.books.outbox, self.books
        while self._pushing < MOST_PUSHES_UNDER_WAY:
            due = max(outbox.push_due(books.gap_of_pushes(), at_once=books.turn), books.full_until)
            if due > now:
                return due
            self._push(outbox.next_push(now))
        return inf

    def _push(self, batch: Batch) -> None:
        self._pushing += 1
        call = calls.push(self.keys, [request for request, _ in batch])
        self.send(
            numbered(call), lambda answer: self._pushed(batch, answer), lambda error: self._push_failed(batch, error)
        )

    def _pushed(self, batch: Batch, answer: Answer) -> None:
        self._pushing -= 1
        self._full.reset()
        self.pushed([request for request, _ in batch], answer)
        self.books.outbox.pushed(batch, answer.received_at, refused=False)

    def _push_failed(self, batch: Batch, error: Exception) -> bool:
        """Let all wait here until there is room, where memory is full; who goes or finds the job closed gives back."""
        if not isinstance(error, (OutOfMemoryError, Closed)):
            return False
        self._pushing -= 1
        now, outbox = clock.now(), self.books.outbox
        if isinstance(error, Closed):
            outbox.pushed(batch, now, refused=True)
            self.books.closed = True
            return True
        if self.books.draining:
            outbox.pushed(batch, now, refused=True)
            batch = [(request, parent) for request, parent in batch if parent is None]  # nobody finds them again
            if not batch:
                return True
        outbox.put_back(batch, now)
        self.books.memory_tight = True  # until a look at Redis' memory says otherwise
        if now >= self.books.full_until:
            self.books.full_until = now + self._full.next()
        return True

    def pushed(self, requests: Sequence[calls.PushRequest], answer: Answer) -> None:
        """Take in what became of a batch: which requests the store knows now, which hosts have work."""
        reply = replies.read_push(answer.reply)
        self._confirm(answer)
        admitted = requests if not reply.left_out else [requests[index] for index in reply.indices]
        self.books.known.learn(request.id for request in admitted)
        for host, serial in reply.wakes:
            self._woke(host, serial, answer.received_at)

    def settle_due(self, now: float) -> float:
        """End leases."""
        due = self.books.outbox.settle_due(self.books.gap_of_ends(), at_once=self.books.turn)
        if due > now or "settle" in self._busy:
            return inf if "settle" in self._busy else due
        ends = self.books.outbox.next_settle(now)
        self._one(
            "settle",
            numbered(calls.settle(self.keys, settlement(ends), elapsed_ms=self._elapsed.since_last(now))),
            lambda answer: self._settled(ends, answer),
        )
        return inf

    def _settled(self, ends: list[End], answer: Answer) -> None:
        self._ended(ends)
        self._confirm(answer)

    def _ended(self, ends: list[End]) -> None:
        for end in ends:
            self.books.held.remove(end.lease.token)
            if end.lease is self.books.alone:
                self.books.alone = None
        self.books.outbox.settled()

    def lease_due(self, now: float) -> float:
        """Take requests for the slots in hand; look for wake-ups, for suspects, for what has become due.

        What is done goes with it.
        """
        if self._busy & {"lease", "reconcile"} or self.books.draining or self.books.closed:
            return inf
        if self._reconcile:
            self._send_reconcile()
            return inf
        if self.books.turn:
            return self._turn_due(now)
        hosts = self._hosts(now)
        due = now if hosts else self._look_due()
        if due <= now:
            self._lease(hosts, now, alone=False)
        return inf if due <= now else due

    def _look_due(self) -> float:
        if self._news and self.books.hungry():
            return self._last_lease + rhythm.HUNGRY_SECONDS
        return self._last_lease + rhythm.IDLE_SECONDS

    def _turn_due(self, now: float) -> float:
        """Hold nothing, then ask for a suspect; asking while there is something to finish keeps the turn."""
        books = self.books
        busy = books.alone or books.held.leases or not books.outbox.empty()
        due = self._last_lease + (rhythm.IDLE_SECONDS if busy else rhythm.HUNGRY_SECONDS)
        if due <= now:
            self._lease({}, now, alone=True)
        return due if due > now else inf

    def _hosts(self, now: float) -> dict[str, int]:
        """How many requests of which hosts would be sent at once, or soon; none while none of them presses."""
        room = min(calls.MOST_REQUESTS, self.books.settings.held - len(self.books.held.leases))
        hosts: dict[str, int] = {}
        if not self.books.takes(now):
            return hosts
        presses = False
        for host in self.books.grants.hosts():
            need = self._need(host, now)
            wanted = min(room, need.wanted)
            if wanted > 0 and len(hosts) < calls.MOST_LEASE_HOSTS:
                hosts[host] = wanted
                room -= wanted
                presses = presses or need.presses
        return hosts if presses else {}

    def _need(self, host: str, now: float) -> rhythm.Need:
        if host in self.books.empty_hosts:
            return rhythm.NO_NEED
        free, waiting = self.books.grants.free(host, now), self.books.stock.waiting(host)
        slots = self.books.grants.reusable_slots(host)
        if not slots:
            return rhythm.Need(free - waiting, presses=True)
        return rhythm.refill(slots, free, waiting, MOST_LEASES_AHEAD)

    def _lease(self, hosts: dict[str, int], now: float, *, alone: bool) -> None:
        self._last_lease, self._asked, self._news = now, hosts, False
        ends = self.books.outbox.next_done(now)
        call = calls.lease(
            self.keys,
            hosts.items(),
            alone=alone,
            elapsed_ms=self._elapsed.since_last(now),
            done=[end.lease.token for end in ends],
        )
        self._one("lease", numbered(call), lambda answer: self._leased(alone, ends, answer))

    def _leased(self, alone: bool, ends: list[End], answer: Answer) -> None:
        reply, now, books = replies.read_lease(answer.reply), answer.received_at, self.books
        if ends:
            self._ended(ends)
        self.trip.took(now - answer.sent_at)
        books.room = reply.room
        for host, serial in reply.empty:
            books.empty_hosts[host] = serial
            books.news.emptied(host, serial, now)
        for host, serial in reply.wakes:
            self._woke(host, serial, now)
        for granted in reply.grants:
            self._take(granted, now, alone)
        self._confirm(answer)
        for host in self._asked:
            books.stock.pair(host, now)
            if host in books.empty_hosts:
                books.grants.give_up(host, now)
        self._turn(reply.turn and not (alone and not reply.grants and not reply.suspects), now)

    def _woke(self, host: str, serial: int, now: float) -> None:
        if self.books.empty_hosts.get(host, serial) <= serial:  # the outbox shows old wake-ups for a while
            self.books.empty_hosts.pop(host, None)
        self.books.news.woke(host, serial, now)

    def _take(self, granted: replies.Granted, now: float, alone: bool) -> None:
        try:
            lease = self.read(granted)
        except BadInput as error:
            lease = Lease(granted.token, granted.host, granted.band, granted.losses, FrontierRequest(""), "")
            self.books.held.add(lease)
            self.books.outbox.end(End(lease, "dead", reason="Unreadable", error=str(error)[:200]), now)
            return
        self.books.held.add(lease)
        if not alone:
            self.books.stock.add(lease, now)
            return
        self.books.alone = lease
        self.books.asks.add(lease.host, now).add_done_callback(lambda future: self._suspect_may(lease, future))

    def _suspect_may(self, lease: Lease, future: "Future[Slot]") -> None:
        if future.cancelled() or lease.ended:
            return
        if future.exception() is not None:
            self.books.outbox.end(End(lease, "dead", reason="Blocked", error=str(future.exception())), clock.now())
        else:
            self.books.stock.bind(lease, future.result())
        self.nudge()

    def _turn(self, mine: bool, now: float) -> None:
        mine = mine or self.books.alone is not None
        if mine and not self.books.turn:
            self.books.turn = True
            self.books.step_aside(now)
        self.books.turn = mine

    def strike_due(self, now: float) -> float:
        """Strike out of the outbox what the pace store was told."""
        if "woken" in self._busy or not self.books.news.strikes_wait():
            return inf
        due = self._last_strike + rhythm.STRIKE_SECONDS
        if due > now and not self.books.draining:
            return due
        self._last_strike, strikes = now, self.books.news.next_strikes()
        self._one("woken", plain(calls.woken(self.keys, strikes)), lambda _: self._struck(strikes), False)
        return inf

    def _struck(self, strikes: Entries) -> None:
        self.books.news.struck(strikes)

    def reconcile(self) -> None:
        """Compare the leases held before anything new is taken: the store counts others than we do."""
        self._reconcile = True

    def _send_reconcile(self) -> None:
        self._reconcile = False
        tokens = list(self.books.held.leases)[: calls.MOST_HELD]
        self._one("reconcile", numbered(calls.reconcile(self.keys, tokens)), self._reconciled)

    def _reconciled(self, answer: Answer) -> None:
        unknown = replies.read_reconcile(answer.reply).unknown
        lost = {lease for lease in map(self.books.held.remove, unknown) if lease and not lease.ended}
        for lease in lost:
            lease.lost = lease.ended = True
        self.books.stock.drop(lost, answer.received_at)
        self._confirm(answer)

    def reap(self, epoch: str = "", *, blame: bool = True) -> None:
        """Free what silent workers hold, step by step."""
        if "reap" in self._busy:
            return

        def reaped(answer: Answer) -> None:
            if replies.read_moved(answer.reply).left:
                self.reap(epoch, blame=blame)

        self._one("reap", plain(calls.reap(self.keys, epoch, blame=blame)), reaped, False)

    def block(self, host: str) -> None:
        """Make dead letters of the requests of a host that the politeness blocks, step by step."""

        def blocked(answer: Answer) -> None:
            if replies.read_moved(answer.reply).left:
                self.block(host)

        self.send(plain(calls.block(self.keys, host)), blocked, numbered=False)

    def rewake(self, pace_id: str, cursor: int = 0) -> None:
        """Another pace store: the outbox is to show all hosts again, step by step."""

        def rewoken(answer: Answer) -> None:
            further = replies.read_one(answer.reply)
            self._news = True
            if further:
                self.rewake(pace_id, further)

        self.send(plain(calls.rewake(self.keys, pace_id, cursor)), rewoken, numbered=False)

    def _confirm(self, answer: Answer) -> None:
        self.books.held.confirm(answer.number)

    def _one(self, name: str, build: Build, then: Then, is_numbered: bool = True) -> None:
        """Send a call of which only one is under way at a time."""
        self._busy.add(name)

        def answered(answer: Answer) -> None:
            self._busy.discard(name)
            then(answer)

        self.send(build, answered, numbered=is_numbered)
