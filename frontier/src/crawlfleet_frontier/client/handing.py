"""Who gets the next request: the consumers that wait, in order, each when a request may be sent.

The gate: no more connections at once than the worker wants, nothing while too much waits to be pushed.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf

from crawlfleet_frontier.client import clock
from crawlfleet_frontier.client.leases import Lease, Slot, State
from crawlfleet_frontier.client.session import Session


@dataclass(slots=True)
class Handing:
    """Hands leases of the present session out."""

    session: Callable[[], Session | None]
    on_ready: Callable[[], None] | None = None
    """Called whenever a request may be sent now and nobody waits for it: for a consumer that asks by `take`."""
    out: dict[Slot, Session] = field(default_factory=dict)
    """Slots whose connection is open or about to be, with the session that they are of."""
    _waiting: "deque[asyncio.Future[Lease | None]]" = field(default_factory=deque)
    _timer: asyncio.TimerHandle | None = None

    def take(self) -> Lease | None:
        """Return a request that may be sent now, or None: then `on_ready` is called when there is one."""
        lease = self._take()
        if lease is None:
            self._come_back()
        return lease

    def _take(self) -> Lease | None:
        session = self.session()
        if session is None or not self._has_room(session):
            return None
        lease = session.books.take(clock.now())
        if lease and lease.slot:
            self.out[lease.slot] = session
        return lease

    def finished(self) -> bool:
        """Whether there will be no further request: the job is closed, or this worker drains."""
        session = self.session()
        return session is not None and (session.books.closed or session.books.draining)

    async def next(self) -> Lease | None:
        """Wait for the next request; None where there will be none."""
        if self.finished():
            return None
        lease = None if self._waiting else self._take()
        if lease:
            return lease
        future: asyncio.Future[Lease | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        self.offer()
        try:
            return await future
        except asyncio.CancelledError:
            self._take_back(future)
            raise

    def offer(self) -> None:
        """Give what may be sent now to those who wait, and come back when the next may."""
        while self._waiting:
            if self._waiting[0].done():
                self._waiting.popleft()
                continue
            lease = self._take()
            if lease is None and not self.finished():
                break
            self._waiting.popleft().set_result(lease)
        if self.on_ready and not self._waiting and self._may_take():
            self.on_ready()
        self._come_back()

    def forget_unsent(self, session: Session) -> None:
        """Drop the slots of a session that is over where nothing was sent: nothing will be."""
        for slot in [slot for slot, owner in self.out.items() if owner is session and slot.state is State.PROMISED]:
            slot.state = State.CLOSED
            del self.out[slot]

    def fail(self, error: Exception) -> None:
        """End all waiting with an error."""
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_exception(error)

    def _has_room(self, session: Session) -> bool:
        settings = session.settings
        full = len(self.out) >= settings.concurrency
        return not (session.over or full or session.books.outbox.waiting_pushes() > settings.unsent_pushes)

    def _may_take(self) -> bool:
        session = self.session()
        if session is None or not self._has_room(session):
            return False
        return session.books.stock.next_moment() <= clock.now()

    def _come_back(self) -> None:
        session, awaited = self.session(), bool(self._waiting) or self.on_ready is not None
        moment = session.books.stock.next_moment() if session and awaited else inf
        if self._timer:
            self._timer.cancel()
            self._timer = None
        wait = moment - clock.now()
        if 0 < wait < inf:
            self._timer = asyncio.get_running_loop().call_later(wait, self.offer)

    def _take_back(self, future: "asyncio.Future[Lease | None]") -> None:
        """Put back what a consumer was given just when it was cancelled."""
        if not future.done() or future.cancelled():
            return
        lease = future.result()
        if lease and lease.slot:
            session = self.out.pop(lease.slot)
            session.books.grants.unused(lease.slot, clock.now())
            session.books.stock.add(lease, clock.now(), first=True)
            session.books.stock.pair(lease.host, clock.now())
            session.nudge()
