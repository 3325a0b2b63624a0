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
        self._changed = asyncio.Event()

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
            self._changed.set()

    def add_after(self, key: K, seconds: float) -> None:
        """Have the key worked on in so many seconds, unless it is due earlier."""
        when = asyncio.get_running_loop().time() + seconds
        if key in self._queued or key in self._again or self._due.get(key, when + 1) <= when:
            return
        self._due[key] = when
        self._serial += 1
        heapq.heappush(self._timers, (when, self._serial, key))
        self._changed.set()

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
        while True:
            self._promote()
            if self._ready:
                key = self._ready.popleft()
                self._queued.discard(key)
                self._active.add(key)
                return key
            self._changed.clear()
            await self._wait()

    def done(self, key: K) -> None:
        """End the work on a key; one that was added meanwhile is ready again."""
        self._active.discard(key)
        if key in self._again:
            self._again.discard(key)
            self.add(key)
        self._changed.set()

    def _promote(self) -> None:
        now = asyncio.get_running_loop().time()
        while self._timers and self._timers[0][0] <= now:
            when, _, key = heapq.heappop(self._timers)
            if self._due.get(key) == when:
                self.add(key)

    async def _wait(self) -> None:
        seconds = None
        if self._timers:
            seconds = max(0.0, self._timers[0][0] - asyncio.get_running_loop().time())
        try:
            await asyncio.wait_for(self._changed.wait(), seconds)
        except TimeoutError:
            return
