"""The life of one epoch: when is what said, and what ends it?

Everything happens on the loop, in `step`: the talks look at the books and send what is due; answers change the books
and call for the next step. A session ends when it is fenced: nothing of it is carried over, its requests are fetched
again.
"""

import asyncio
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol

from crawlfleet_frontier.client import clock
from crawlfleet_frontier.client.books import Books
from crawlfleet_frontier.client.channel import Answer, Build, Channel
from crawlfleet_frontier.client.leases import Lease, Slot
from crawlfleet_frontier.client.outbox import End
from crawlfleet_frontier.client.pace_talk import PaceTalk
from crawlfleet_frontier.client.reports import UNTOUCHED, Ending
from crawlfleet_frontier.client.settings import Settings
from crawlfleet_frontier.client.store_talk import Failed, Read, StoreTalk, Then
from crawlfleet_frontier.errors import Fenced, OutOfOrder
from crawlfleet_frontier.pace.keys import PaceKeys
from crawlfleet_frontier.store.keys import StoreKeys

NUDGE_SECONDS: Final = 0.003
"""What a consumer says is looked at so much later, together with what else it says meanwhile."""


class Owner(Protocol):
    """Who a session works for."""

    def on_step(self) -> None:
        """Look at the books, they have changed: something may be handed out."""

    def on_fenced(self, error: Exception) -> None:
        """Take in that the epoch is over."""

    def on_fatal(self, error: Exception) -> None:
        """Take in that a store refused what can only be a mistake or a missing permission."""


@dataclass(slots=True)
class Session:
    """One epoch of a worker, over a channel to each store."""

    store: Channel
    pace: Channel
    store_keys: StoreKeys
    pace_keys: PaceKeys
    settings: Settings
    owner: Owner
    read: Read
    joined: bool = False
    over: bool = False
    tells_all: bool = False
    """The frontier went back in time: what the pace store was told of its hosts since is not true any more."""
    books: Books = field(init=False)
    to_store: StoreTalk = field(init=False)
    to_pace: PaceTalk = field(init=False)
    _armed: float = float("inf")
    _timer: asyncio.TimerHandle | None = None
    _loop: asyncio.AbstractEventLoop | None = None

    def __post_init__(self) -> None:
        """Open the books."""
        self.books = Books(self.settings)
        self.to_store = StoreTalk(self.books, self.store_keys, partial(self.send, self.store), self.read, self.nudge)
        self.to_pace = PaceTalk(self.books, self.pace_keys, partial(self.send, self.pace), self.to_store)

    @property
    def epoch(self) -> str:
        """The worker's name in both stores."""
        return self.store.epoch

    def end(self, end: End) -> None:
        """End a lease, and its slot with it where that is still open."""
        if end.lease.slot:
            self.closed(end.lease.slot, UNTOUCHED)
        self.books.outbox.end(end, clock.now())
        self.nudge()

    def closed(self, slot: Slot, ending: Ending) -> None:
        """Take in that a slot's connection has closed; without a delay the next request may have it at once."""
        now = clock.now()
        self.books.grants.closed(slot, ending, now)
        self.books.asks.serve(slot.host, now)
        self.books.stock.pair(slot.host, now)
        self.nudge()

    def nudge(self) -> None:
        """Look at the books soon."""
        self._arm(clock.now() + NUDGE_SECONDS)

    def step(self) -> None:
        """Send what is due and see when the next is."""
        if self.over or not self.joined:
            return
        self._armed, now = float("inf"), clock.now()
        if self.books.draining:  # what was asked for before, and came since
            self.books.step_aside(now)
        self.books.give_back(self.books.stock.expire(now), now)
        self.books.grants.expire(now)
        self.books.asks.serve_all(now)
        dues = (
            self.to_store.push_due(now),
            self.to_store.settle_due(now),
            self.to_store.lease_due(now),
            self.to_pace.exchange_due(now),
            self.to_store.strike_due(now),
            self.books.stock.next_expiry(),
        )
        self._arm(min(dues))
        self.owner.on_step()

    def quiet(self) -> bool:
        """Whether both stores know all that happened."""
        books = self.books
        told = books.outbox.empty() and not books.grants.reports and not books.grants.by_token
        return told and self.store.idle and self.pace.idle

    def stop(self) -> list[Lease]:
        """End the session where it stands; return the leases that were held."""
        self.over = True
        if self._timer:
            self._timer.cancel()
        self.books.asks.fail(Fenced("the worker's epoch is over"))
        lost = [lease for lease in self.books.held.leases.values() if not lease.ended]
        for lease in lost:
            lease.lost = lease.ended = True
        return lost

    def send(
        self, channel: Channel, build: Build, then: Then, failed: Failed | None = None, *, numbered: bool = True
    ) -> None:
        """Send a call; its answer is taken in by `then`, an error that `failed` does not expect ends the session."""
        future = channel.submit(build, numbered=numbered)
        future.add_done_callback(partial(self._answered, then, failed))

    def _answered(self, then: Then, failed: Failed | None, future: "asyncio.Future[Answer]") -> None:
        if future.cancelled():
            return
        error = future.exception()
        if self.over:
            return
        if error is None:
            then(future.result())
            self.step()
        elif isinstance(error, (Fenced, OutOfOrder)):
            self.owner.on_fenced(error)
        elif not isinstance(error, Exception) or not (failed and failed(error)):
            self.owner.on_fatal(error if isinstance(error, Exception) else RuntimeError(str(error)))
        else:
            self.step()

    def _arm(self, due: float) -> None:
        if due >= self._armed or self.over or not self.joined:
            return
        if self._timer:
            self._timer.cancel()
        self._armed = due
        if self._loop is None:
            self._loop = asyncio.get_running_loop()  # asks the system for the process' id each time
        self._timer = self._loop.call_later(max(0.0, due - clock.now()), self.step)
