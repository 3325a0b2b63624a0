"""Which connection can carry the next request to an origin? Kept ones, for a while, and not too many."""

import asyncio
from collections import defaultdict
from time import monotonic
from typing import Final

from crawlfleet_worker.http.connection import Connection
from crawlfleet_worker.http.outgoing import Origin

IDLE_SECONDS: Final = 15.0
"""How long a connection is kept unused; aiohttp's figure."""

MOST_IDLE: Final = 256
"""Connections kept unused to all origins together: many polite hosts at a time, far below 1,024 open files."""

CLOSING_SECONDS: Final = 5.0
"""How long closing waits for the loop to say that all connections have ended."""


class Pool:
    """The open connections of one handler."""

    def __init__(self, most_per_origin: int, most: int = MOST_IDLE, idle_seconds: float = IDLE_SECONDS) -> None:
        """Keep so many unused (per origin 0: no bound); those in use are bounded by Scrapy's CONCURRENT_REQUESTS."""
        self._most_per_origin, self._most, self._idle_seconds = most_per_origin, most, idle_seconds
        self._open: set[Connection] = set()
        self._idle: defaultdict[Origin, list[Connection]] = defaultdict(list)
        self._until: dict[Connection, float] = {}
        """Idle connections in the order of their ends."""
        self._timer: asyncio.TimerHandle | None = None
        self._emptied = asyncio.Event()
        self._closed = False

    def __len__(self) -> int:
        """Count the open connections."""
        return len(self._open)

    def take(self, origin: Origin) -> Connection | None:
        """Return a kept connection, the caller's from now on: the latest that the server has not closed."""
        while self._idle.get(origin):
            connection = self._idle[origin][-1]
            self._not_idle(connection)
            if connection.quiet:
                return connection
            connection.abort()
        return None

    def add(self, connection: Connection) -> None:
        """Count a new connection, in use."""
        if self._closed or not connection.open:
            connection.abort()
        else:
            self._open.add(connection)

    def give_back(self, connection: Connection) -> None:
        """Keep a connection that is clean and free, or close it; the one unused for longest makes room."""
        of_origin = len(self._idle.get(connection.origin, ()))
        if self._closed or not connection.open or (self._most_per_origin and of_origin >= self._most_per_origin):
            connection.abort()
            return
        if len(self._until) >= self._most:
            self._drop(next(iter(self._until)))
        self._idle[connection.origin].append(connection)
        self._until[connection] = monotonic() + self._idle_seconds
        if self._timer is None:
            self._expire_later()

    def lost(self, connection: Connection) -> None:
        """Take in that a connection has ended."""
        self._open.discard(connection)
        if connection in self._until:
            self._not_idle(connection)
        if not self._open:
            self._emptied.set()

    async def close(self) -> None:
        """Close all, whatever is under way, and wait until they have ended."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._emptied.clear()
        for connection in tuple(self._open):
            connection.abort()
        if self._open:
            async with asyncio.timeout(CLOSING_SECONDS):
                await self._emptied.wait()

    def _not_idle(self, connection: Connection) -> None:
        del self._until[connection]
        of_origin = self._idle[connection.origin]
        of_origin.remove(connection)
        if not of_origin:
            del self._idle[connection.origin]

    def _drop(self, connection: Connection) -> None:
        self._not_idle(connection)
        connection.abort()

    def _expire_later(self) -> None:
        first = next(iter(self._until.values()), None)
        wait = None if first is None else max(0.0, first - monotonic())
        self._timer = None if wait is None else asyncio.get_running_loop().call_later(wait, self._expire)

    def _expire(self) -> None:
        now = monotonic()
        for connection in [one for one, until in self._until.items() if until <= now]:
            self._drop(connection)
        self._expire_later()
