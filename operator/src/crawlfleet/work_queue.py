"""A queue of keys: each at most once, never two reconciles of one key at a time, with back-off after failures.

kopf logs and forgets an error in an `on.event` handler; the retry is ours, here.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Hashable
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)

FIRST_BACKOFF_SECONDS: Final = 0.5
LONGEST_BACKOFF_SECONDS: Final = 60.0


class WorkQueue(Generic[K]):
    """Keys to be worked on, now or later."""

    def __init__(self) -> None:
        self._ready: deque[K] = deque()
        self._queued: set[K] = set()
        self._active: set[K] = set()
        self._again: set[K] = set()
        self._due: dict[K, float] = {}
        self._timers: list[tuple[float, int, K]] = []
        self._serial = 0
        self._failures: dict[K, int] = {}
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._alarm: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        """Return the number of keys that wait to be worked on now."""
        return len(self._ready) + len(self._again)

    def add(self, key: K) -> None:
        """Have the key worked on now; once, however often it is added meanwhile."""
        self._due.pop(key, None)
        if key in self._active:
            self._again.add(key)
        elif key not in self._queued:
            self._queued.add(key)
            self._ready.append(key)
            self._wake_one()

    def add_after(self, key: K, seconds: float) -> None:
        """Have the key worked on in so many seconds, unless it is due earlier."""
        when = asyncio.get_running_loop().time() + seconds
        if key in self._queued or key in self._again or self._due.get(key, when + 1) <= when:
            return
        self._due[key] = when
        self._serial += 1
        heapq.heappush(self._timers, (when, self._serial, key))
        self._set_alarm()

    def failed(self, key: K) -> float:
        """Have the key worked on after its back-off (0.5 s, doubled to 60 s); returns the seconds."""
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        seconds = min(LONGEST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2.0 ** min(failures - 1, 10))
        self.add_after(key, seconds)
        return seconds

    def succeeded(self, key: K) -> None:
        """Forget the key's failures."""
        self._failures.pop(key, None)

    def forget(self, key: K) -> None:
        """Forget what is remembered of a key that is gone."""
        self._failures.pop(key, None)
        self._due.pop(key, None)

    async def get(self) -> K:
        """Wait for the next key; it is then active until `done`."""
        while not self._ready:
            await self._wait()
        key = self._ready.popleft()
        self._queued.discard(key)
        self._active.add(key)
        return key

    def done(self, key: K) -> None:
        """End the work on a key; one that was added meanwhile is ready again."""
        self._active.discard(key)
        if key in self._again:
            self._again.discard(key)
            self.add(key)

    def _promote(self) -> None:
        """Make ready what is due: the alarm's doing, so that waiting costs the workers nothing."""
        self._alarm = None
        now = asyncio.get_running_loop().time()
        while self._timers and self._timers[0][0] <= now:
            when, _, key = heapq.heappop(self._timers)
            if self._due.get(key) == when:
                self.add(key)
        self._set_alarm()

    def _set_alarm(self) -> None:
        if not self._timers:
            return
        when = self._timers[0][0]
        if self._alarm is not None:
            if self._alarm.when() <= when:
                return
            self._alarm.cancel()
        self._alarm = asyncio.get_running_loop().call_at(when, self._promote)

    async def _wait(self) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
            elif self._ready:
                self._wake_one()  # woken and cancelled at once: another one takes the key
            raise

    def _wake_one(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
