"""How does a call reach a store exactly once, whatever happens to the connection?

Numbered calls go out in order, up to eight of them unanswered, because the store keeps its last eight replies. After
a broken connection everything unanswered is sent again from the first on, with the same numbers. A call that the store
refused did not use up its number: those sent behind it come back with ORDER, and are sent again with the next numbers.
Numbers show which of these calls a Redis lost when it died; what else was written to it is `on_restart`'s.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Final, NamedTuple

from redis.exceptions import (
    AuthenticationError,
    ClusterDownError,
    MasterDownError,
    NoPermissionError,
    NoScriptError,
    ReadOnlyError,
    RedisError,
    TryAgainError,
)

from crawlfleet_frontier import errors
from crawlfleet_frontier.calls import ScriptCall
from crawlfleet_frontier.client import clock
from crawlfleet_frontier.client.patience import Backoff
from crawlfleet_frontier.client.wire import Command, Wire

WINDOW: Final = 8
"""Unanswered calls at most: as many replies as a store keeps."""


class Sending(NamedTuple):
    """What is only known when a call is sent."""

    run_id: str
    """Of the Redis that it is sent to."""
    epoch: str
    number: int
    """0 for an unnumbered call."""


Build = Callable[[Sending], ScriptCall]
"""Makes the call at the moment it is sent."""

OnRestart = Callable[[], Awaitable[None]]
"""Awaited before anything is sent to a Redis that was started anew; what it raises breaks the connection."""

_PASSING: Final = (errors.NoSentinel, ReadOnlyError, MasterDownError, TryAgainError, ClusterDownError)
"""Refusals that say nothing of the call: it is repeated until something else is answered."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A store's reply, and when its call was first sent (`clock.now`): whatever the reply allows counts from there."""

    reply: bytes
    """For the store's `read_…` functions."""
    sent_at: float
    received_at: float
    number: int
    """The call's number; 0 for an unnumbered one."""


@dataclass(slots=True, eq=False)
class _Call:
    build: Build
    numbered: bool
    answer: "asyncio.Future[Answer]"
    number: int = 0
    sent_at: float = 0.0


@dataclass(slots=True)
class Channel:
    """The calls of one epoch to one store over a wire of its own. `open` it, `submit` calls, `close` it."""

    wire: Wire
    epoch: str
    backoff: Backoff = field(default_factory=Backoff)
    on_restart: OnRestart | None = None
    run_id: str = ""
    """Of the Redis that the channel was last connected to."""
    trouble: str = ""
    """Why nothing gets through at the moment; empty where it does."""
    confirmed: int = 0
    """The number of the last call that was answered."""
    _queue: deque[_Call] = field(default_factory=deque)
    """What has no answer yet, in order."""
    _flight: deque[_Call] = field(default_factory=deque)
    """Those of them that were sent over this connection."""
    _behind: deque[_Call] = field(default_factory=deque)
    """Those of them that were not."""
    _stalled: bool = False
    """A call of this flight was not carried out; the rest is read, then all that has no answer is sent again."""
    _pause: float = 0.0
    _loaded: set[str] = field(default_factory=set)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _task: "asyncio.Task[None] | None" = None

    def open(self) -> None:
        """Begin to connect; calls submitted before the connection stands wait for it."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="frontier-channel")

    async def close(self) -> None:
        """Give up whatever has no answer (its futures are cancelled) and close the connection."""
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        self._fail_all(None)
        with suppress(RedisError, OSError):
            await self.wire.close()

    def submit(self, build: Build, *, numbered: bool = True) -> "asyncio.Future[Answer]":
        """Send a call when its turn comes. The future holds the answer or an exception of `errors` or of Redis.

        An unnumbered call may be carried out twice where a reply was lost.
        """
        pending = _Call(build, numbered, asyncio.get_running_loop().create_future())
        self._queue.append(pending)
        self._behind.append(pending)
        self._wake.set()
        return pending.answer

    @property
    def idle(self) -> bool:
        """Whether every call has its answer."""
        return not self._queue

    async def _run(self) -> None:
        while True:
            try:
                await self._session()
            except* (AuthenticationError, NoPermissionError) as refusals:
                self._fail_all(refusals.exceptions[0])
                self.trouble = str(refusals.exceptions[0])
            except* (OSError, RedisError, EOFError) as failures:
                self.trouble = f"{type(failures.exceptions[0]).__name__}: {failures.exceptions[0]}"
            await asyncio.sleep(self.backoff.next())

    async def _session(self) -> None:
        run_id = await self.wire.connect()
        if self.on_restart and self.run_id not in ("", run_id):
            await self.on_restart()
        self.run_id = run_id
        self._loaded.clear()
        self._from_the_first()
        async with asyncio.TaskGroup() as both:
            both.create_task(self._write())
            both.create_task(self._read())

    def _from_the_first(self) -> None:
        """Nothing of the queue is under way (any more): all of it is to be sent, numbered behind the last answer."""
        self._flight.clear()
        self._behind = deque(self._queue)
        self._stalled, self._pause = False, 0.0
        self._wake.set()

    async def _write(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            batch = self._next_batch()
            if batch:
                await self.wire.send([self._command(pending) for pending in batch])

    def _next_batch(self) -> list[_Call]:
        batch: list[_Call] = []
        while self._behind and len(self._flight) < WINDOW and not self._stalled:
            pending = self._behind.popleft()
            self._flight.append(pending)
            batch.append(pending)
        if batch:
            self._arrived.set()
        return batch

    def _command(self, pending: _Call) -> Command:
        pending.sent_at = pending.sent_at or clock.now()
        pending.number = self._number_of(pending) if pending.numbered else 0
        call = pending.build(Sending(self.run_id, self.epoch, pending.number))
        if call.sha1 in self._loaded:
            return ("EVALSHA", *call.evalsha_arguments())
        self._loaded.add(call.sha1)
        return ("EVAL", *call.eval_arguments())

    def _number_of(self, pending: _Call) -> int:
        """Its place among the numbered calls in flight, counted on from the last answer."""
        before = takewhile(lambda other: other is not pending, self._flight)
        return self.confirmed + 1 + sum(other.numbered for other in before)

    async def _read(self) -> None:
        while True:
            while not self._flight:
                self._arrived.clear()
                await self._arrived.wait()
            reply = await self.wire.read()
            self._take_in(self._flight.popleft(), reply)
            if self._stalled and not self._flight:
                await asyncio.sleep(self._pause)
                self._from_the_first()
            self._wake.set()

    def _take_in(self, pending: _Call, reply: object) -> None:
        if isinstance(reply, bytes):
            self._succeed(pending, reply)
            return
        if not isinstance(reply, Exception):
            raise ConnectionError(f"no script answers like this: {reply!r}")
        error = errors.from_reply(str(reply)) or reply
        if isinstance(error, errors.OutOfOrder) and self._stalled:
            return
        if isinstance(error, NoScriptError):
            self._loaded.clear()
            self._stalled = True
        elif isinstance(error, _PASSING) or str(error).startswith("BUSY"):
            self.trouble = f"{type(error).__name__}: {error}"
            self._stalled, self._pause = True, self._pause or self.backoff.next()
        else:
            self._queue.remove(pending)
            self._stalled = self._stalled or pending.numbered
            _fail(pending, error)

    def _succeed(self, pending: _Call, reply: bytes) -> None:
        self._queue.remove(pending)
        self.confirmed = pending.number if pending.numbered else self.confirmed
        self.trouble = ""
        self.backoff.reset()
        answer = Answer(reply, pending.sent_at, clock.now(), pending.number)
        if not pending.answer.done():
            pending.answer.set_result(answer)

    def _fail_all(self, error: BaseException | None) -> None:
        """Give up all calls without an answer: with `error`, or cancelled."""
        for pending in self._queue:
            _fail(pending, error)
        for calls in (self._queue, self._flight, self._behind):
            calls.clear()


def _fail(pending: _Call, error: BaseException | None) -> None:
    if pending.answer.done():
        return
    if error is None:
        pending.answer.cancel()
    else:
        pending.answer.set_exception(error)
