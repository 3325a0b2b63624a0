"""How do commands reach one Redis: one connection, commands out, replies in, in order.

The seam of the client: everything above it is tested with a small fake in its place.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol

import redis.asyncio
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ResponseError

Command = tuple[bytes | str | int, ...]


class Wire(Protocol):
    """One connection. `connect`, `send` and `read` raise OSError or redis' ConnectionError or TimeoutError."""

    async def connect(self) -> str:
        """Connect anew and return Redis' run id, another one after every restart of Redis."""
        ...

    async def send(self, commands: Sequence[Command]) -> None:
        """Send commands; their replies come in this order."""
        ...

    async def read(self) -> object:
        """Return the next reply; an error reply is returned, not raised."""
        ...

    async def close(self) -> None:
        """Close the connection, if it is open."""
        ...


class RedisWire:
    """The wire to the Redis at `url`; a reply that takes longer than `timeout` seconds breaks the connection."""

    # The time-outs are our own: redis-py's go through `asyncio.wait_for`, which in Python 3.11 may swallow a cancel.
    def __init__(self, url: str, timeout: float) -> None:
        self._timeout = timeout
        pool = redis.asyncio.ConnectionPool.from_url(
            url,
            protocol=2,
            socket_timeout=None,
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), 0),
            decode_responses=False,
        )
        self._connection: AbstractConnection = pool.make_connection()  # type: ignore[no-untyped-call]

    async def connect(self) -> str:
        """Connect anew and return Redis' run id."""
        await self.close()
        async with asyncio.timeout(self._timeout):
            await self._connection.connect()  # type: ignore[no-untyped-call]
            await self._connection.send_command("INFO", "server")
            return _run_id(await self._connection.read_response())

    async def send(self, commands: Sequence[Command]) -> None:
        """Send commands in one write."""
        packed = [part for command in commands for part in self._connection.pack_command(*command)]
        async with asyncio.timeout(self._timeout):
            await self._connection.send_packed_command(packed, check_health=False)

    async def read(self) -> object:
        """Return the next reply; an error reply is returned, not raised."""
        try:
            async with asyncio.timeout(self._timeout):
                return await self._connection.read_response()
        except ResponseError as error:
            return error

    async def close(self) -> None:
        """Close the connection, if it is open."""
        await self._connection.disconnect(nowait=True)


def _run_id(info: bytes) -> str:
    for line in info.decode().splitlines():
        if line.startswith("run_id:"):
            return line.removeprefix("run_id:").strip()
    return ""
