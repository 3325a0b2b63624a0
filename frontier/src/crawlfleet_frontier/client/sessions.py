"""The sessions of one worker, one after the other: how is one opened, what follows when it is fenced, how is it shut?

Whoever is fenced begins anew at once, under another epoch and without what was held. The slots of an epoch that is over
are called free only once its last connection has closed.
"""

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from crawlfleet_frontier.client import clock
from crawlfleet_frontier.client.beats import Beats, Word
from crawlfleet_frontier.client.channel import Answer, Channel, OnRestart
from crawlfleet_frontier.client.counts import Counts
from crawlfleet_frontier.client.handing import Handing
from crawlfleet_frontier.client.leases import Lease
from crawlfleet_frontier.client.pace_talk import confirm_dead
from crawlfleet_frontier.client.session import Session
from crawlfleet_frontier.client.settings import Settings
from crawlfleet_frontier.client.store_talk import Send, plain
from crawlfleet_frontier.client.wire import Wire
from crawlfleet_frontier.errors import OutOfOrder
from crawlfleet_frontier.pace.keys import PaceKeys
from crawlfleet_frontier.store import calls, replies
from crawlfleet_frontier.store.keys import StoreKeys


@dataclass(frozen=True, slots=True)
class Place:
    """Where a worker works, and as whom."""

    url: str
    pace_url: str
    store_keys: StoreKeys
    pace_keys: PaceKeys
    prefix: str
    """What all its epochs begin with, before a colon: the pod's UID."""
    wire: Callable[[str, float], Wire]
    """Opens a connection to a URL, with a time-out in seconds."""
    on_restart: OnRestart | None = None
    """Awaited before anything is said to a store that was started anew."""


class Worker(Protocol):
    """Whose sessions they are, and what it hears of them."""

    settings: Settings
    counts: Counts

    def beat_state(self, session: Session) -> Mapping[str, object]:
        """Return what goes with the session's next beat; called from a thread."""

    def read_lease(self, granted: replies.Granted) -> Lease:
        """Read a leased request; BadInput where it cannot be read."""

    def on_joined(self, joined: replies.Joined) -> None:
        """Take in that a session has begun."""

    def on_word(self, word: Word) -> None:
        """Take in the answer to a beat."""

    def on_step(self) -> None:
        """Take in that the books have changed."""

    def on_lost(self, leases: Sequence[Lease]) -> None:
        """Take in that these are no longer this worker's."""

    def on_fatal(self, error: Exception) -> None:
        """Take in that a store refused what can only be a mistake or a missing permission."""


class Sessions:
    """One worker's; `current` is the one in which everything happens, None before the first and after the last."""

    joined: asyncio.Future[None]
    """Done when the session that was opened last has joined."""

    def __init__(self, place: Place, handing: Handing, worker: Worker) -> None:
        """Take what every session has in common; nothing is opened."""
        self.current: Session | None = None
        self._place, self._handing, self._worker = place, handing, worker
        self._beats: Beats | None = None
        self._closing: set[asyncio.Task[None]] = set()

    def open(self) -> Session:
        """Open a session under an epoch of its own: it joins as soon as the frontier is there."""
        place, settings = self._place, self._worker.settings
        epoch = f"{place.prefix}:{secrets.token_hex(8)}"
        store = Channel(place.wire(place.url, settings.timeout_seconds), epoch, on_restart=place.on_restart)
        pace = Channel(place.wire(place.pace_url, settings.timeout_seconds), epoch)
        session = Session(
            store, pace, place.store_keys, place.pace_keys, settings, owner=self, read=self._worker.read_lease
        )
        self.joined = asyncio.get_running_loop().create_future()
        join = calls.join(place.store_keys, epoch, first=self.current is None)
        self.current = session
        store.open()
        pace.open()
        session.send(store, plain(join), partial(self._joined, session), numbered=False)
        return session

    async def stop_beating(self) -> None:
        """Say the last beat; the counters are home then."""
        if self._beats:
            await self._beats.stop()

    async def end(self) -> None:
        """Close what is open; there is no session any more."""
        session, self.current = self.current, None
        if session:
            session.stop()
            await _close(session)
        for task in list(self._closing):
            await task

    def free(self, old: Session) -> None:
        """Free the slots of an epoch that is over, once its last connection has closed."""
        session = self.current
        if session and old not in self._handing.out.values():
            confirm_dead(self._to_pace(session), self._place.pace_keys, [old.epoch], [session.epoch])

    # What the session says.

    def on_step(self) -> None:
        """Pass it on."""
        self._worker.on_step()

    def on_fenced(self, error: Exception) -> None:
        """Begin anew: under another epoch, without what was held."""
        old = self.current
        if old is None or old.over:
            return
        lost, orphans = old.stop(), old.books.outbox.orphans()
        self._shut(old)
        session = self.open()
        session.books.draining = old.books.draining
        for request in orphans:
            session.books.outbox.push(request, None, clock.now())
        if isinstance(error, OutOfOrder):
            session.tells_all = True
            session.to_store.reap(old.epoch, blame=False)
        self._handing.forget_unsent(old)
        self.free(old)
        self._worker.on_lost(lost)

    def on_fatal(self, error: Exception) -> None:
        """Pass it on to the worker, and to who waits for the session to begin."""
        if not self.joined.done():
            self.joined.set_exception(error)
        self._worker.on_fatal(error)

    # Small parts.

    def _joined(self, session: Session, answer: Answer) -> None:
        word = replies.read_join(answer.reply)
        session.books.closed = word.job_state == "closed"
        session.to_pace.known_store = "" if session.tells_all else word.pace_id
        session.joined = True
        if word.to_reap:
            session.to_store.reap()
        self._worker.on_joined(word)
        self._beats = self._start_beats(session)
        confirm_dead(self._to_pace(session), self._place.pace_keys, [self._place.prefix], self._living(session))
        if not self.joined.done():
            self.joined.set_result(None)

    def _living(self, session: Session) -> list[str]:
        """Epochs of this process whose connections may still be open."""
        return list({session.epoch, *(other.epoch for other in self._handing.out.values())})

    def _start_beats(self, session: Session) -> Beats:
        beats = Beats(
            self._place.url,
            self._place.store_keys,
            session.epoch,
            self._worker.counts,
            view=lambda: session.books.held.view,
            state=lambda: self._worker.beat_state(session),
            heard=self._worker.on_word,
            fenced=lambda error: self.on_fenced(error) if session is self.current else None,
            every=self._worker.settings.beat_seconds,
        )
        beats.start()
        return beats

    def _shut(self, session: Session) -> None:
        """Close what a session that is over stands on, in the background."""
        if self._beats:
            self._beats.give_up()
        task = asyncio.get_running_loop().create_task(_close(session))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    @staticmethod
    def _to_pace(session: Session) -> Send:
        return partial(session.send, session.pace)


async def _close(session: Session) -> None:
    await session.store.close()
    await session.pace.close()
