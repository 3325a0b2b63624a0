"""One request under way, from a connection to the end of its answer: bounded in time, and nothing of it left over."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from time import monotonic

from scrapy.exceptions import DownloadTimeoutError

from crawlfleet_worker.http.connecting import Connector
from crawlfleet_worker.http.connection import Connection
from crawlfleet_worker.http.deadlines import Deadlines
from crawlfleet_worker.http.exchange import Exchange
from crawlfleet_worker.http.outgoing import Origin, Outgoing
from crawlfleet_worker.http.pool import Pool
from crawlfleet_worker.http.tls import Sessions
from crawlfleet_worker.http.wire import Wire


class Lines:
    """Where connections come from and go back to."""

    def __init__(self, pool: Pool, connector: Connector, sessions: Sessions, buffer: memoryview) -> None:
        self.pool = pool
        self.deadlines = Deadlines()
        self._connector, self._sessions, self._buffer = connector, sessions, buffer

    async def connect(self, origin: Origin) -> Connection:
        """Open another connection; raises what `Connector.connect` does."""
        made = partial(Connection, origin, self._buffer, self.pool.lost)
        connection = await self._connector.connect(origin, made)
        self.pool.add(connection)
        return connection

    def give_back(self, connection: Connection) -> None:
        """Keep the connection where it can carry another request, or close it now."""
        if connection.tls is not None:
            self._sessions.keep(connection.origin, connection.tls)
        if connection.finished():
            self.pool.give_back(connection)


class Answer(AsyncIterator[bytes]):
    """The answer to one request: a context in which its head is there and its body can be read."""

    connection: Connection
    exchange: Exchange

    def __init__(self, lines: Lines, url: str, what: Outgoing, timeout: float, wire: Wire | None) -> None:
        """`timeout`: seconds for all of it, from the name to the body's last byte; 0 for no bound."""
        self._lines, self._url, self._what, self._wire = lines, url, what, wire
        self._timeout = timeout

    async def __aenter__(self) -> "Answer":
        deadline = monotonic() + self._timeout if self._timeout else None
        self.connection = self._lines.pool.take(self._what.origin) or await self._connected(deadline)
        try:
            self.exchange = self.connection.exchange(self._what, self._wire)
            if deadline is not None:
                self._lines.deadlines.add(self, deadline)
            await self.exchange.head()
        except BaseException:
            self._end()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self._end()

    def __aiter__(self) -> "Answer":
        return self

    async def __anext__(self) -> bytes:
        chunk = await self.exchange.chunk()
        if not chunk:
            raise StopAsyncIteration
        return chunk

    async def _connected(self, deadline: float | None) -> Connection:
        try:
            async with asyncio.timeout(None if deadline is None else deadline - monotonic()):
                return await self._lines.connect(self._what.origin)
        except TimeoutError as error:
            raise self._too_late() from error

    def out_of_time(self) -> None:
        """End the answer: it has taken too long."""
        self.exchange.fail(self._too_late())

    def _too_late(self) -> DownloadTimeoutError:
        return DownloadTimeoutError(f"Getting {self._url} took longer than {self._timeout} seconds.")

    def _end(self) -> None:
        self._lines.deadlines.ended(self)
        self._lines.give_back(self.connection)
