"""What becomes of a Redis request on a bad wire? A proxy that decides for each one, pipelined or not.

with faulty_proxy(server.port, every_nth(10, Fate.LOSE)) as proxy:
    redis.Redis(port=proxy.port)
    proxy.decide = always(Fate.PASS)  # from now on, for old connections too

LOSE: the request is executed, its reply never comes, the connection breaks (with whatever was under way behind it).
STALL: the request is executed, and from then on nothing is passed on this connection, which stays open.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from tests.servers.own_thread import serving, stream_server
from tests.servers.resp import Splitter, is_push


class Fate(Enum):
    """What happens to one request and its reply."""

    PASS = "pass"
    LOSE = "lose"
    STALL = "stall"


Decision = Callable[[bytes], Fate]
"""Looks at one whole request as it came over the wire and says what becomes of it."""


def always(fate: Fate) -> Decision:
    """Return a decision that is the same for every request."""
    return lambda _: fate


def every_nth(n: int, fate: Fate, among: bytes = b"") -> Decision:
    """Return a decision that lets every n-th request have this fate, counted over all connections.

    Only requests that contain `among` count (`b"EVALSHA"`); the others pass.
    """
    counted = 0

    def decide(request: bytes) -> Fate:
        nonlocal counted
        if among not in request:
            return Fate.PASS
        counted += 1
        return fate if counted % n == 0 else Fate.PASS

    return decide


@dataclass
class FaultyProxy:
    """One proxy in front of a port of this machine."""

    target: int
    decide: Decision
    port: int = 0
    passed: int = 0
    lost: int = 0
    stalled: int = 0

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until either side or a lost reply ends it."""
        try:
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:  # the server is away: so is its proxy
            writer.close()
            return
        connection = _Connection(self)
        try:
            await _first_of(
                connection.requests(reader, server_writer),
                connection.replies(server_reader, writer),
            )
        finally:
            server_writer.close()
            writer.close()

    def count(self, fate: Fate) -> None:
        """Note what became of one reply."""
        if fate is Fate.LOSE:
            self.lost += 1
        elif fate is Fate.STALL:
            self.stalled += 1
        else:
            self.passed += 1


@dataclass
class _Connection:
    """The requests of one connection that wait for their replies, with the fate of each."""

    proxy: FaultyProxy
    fates: deque[Fate] = field(default_factory=deque)

    async def requests(self, client: asyncio.StreamReader, server: asyncio.StreamWriter) -> None:
        splitter = Splitter()
        while chunk := await client.read(1 << 20):
            for request in splitter.feed(chunk):
                self.fates.append(self.proxy.decide(request))
                server.write(request)

    async def replies(self, server: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        splitter = Splitter()
        while chunk := await server.read(1 << 20):
            for reply in splitter.feed(chunk):
                fate = Fate.PASS if is_push(reply) else self.fates.popleft()
                self.proxy.count(fate)
                if fate is Fate.LOSE:
                    return
                if fate is Fate.STALL:
                    await asyncio.Event().wait()
                client.write(reply)


@contextmanager
def faulty_proxy(target: int, decide: Decision) -> Iterator[FaultyProxy]:
    """Run a proxy before the port `target`, in a thread of its own."""
    proxy = FaultyProxy(target, decide)
    with serving(stream_server(proxy.accept)) as proxy.port:
        yield proxy


async def _first_of(*coroutines: Coroutine[Any, Any, None]) -> None:
    """Run these until one ends; the others are cancelled."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
