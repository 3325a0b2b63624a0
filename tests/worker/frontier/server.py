"""An HTTP server that says when each request arrived, and drops connections where a test wants it."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise

from crawlfleet_frontier.client import clock


@dataclass
class Arrival:
    at: float
    method: str
    path: str
    headers: dict[str, str]
    connection: int
    body: bytes = b""


@dataclass
class Answer:
    """What the server says; `drop` closes the connection without a word, `wait` holds the body back."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b"<html></html>"
    drop: bool = False
    wait: "asyncio.Event | None" = None
    kind: str = "text/html"

    def head(self) -> bytes:
        lines = [f"HTTP/1.1 {self.status} X", f"Content-Length: {len(self.body)}", f"Content-Type: {self.kind}"]
        return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in self.headers), "", ""]).encode("latin-1")


Site = Callable[[Arrival], Answer]


@dataclass
class Server:
    site: Site
    port: int = 0
    arrivals: list[Arrival] = field(default_factory=list)
    connections: int = 0
    _more: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until(self, arrivals: int) -> None:
        """Wait until so many requests have arrived."""
        async with self._more:
            await self._more.wait_for(lambda: len(self.arrivals) >= arrivals)

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    @property
    def paths(self) -> list[str]:
        return [arrival.path for arrival in self.arrivals]

    def gaps(self) -> list[float]:
        times = [arrival.at for arrival in self.arrivals]
        return [later - earlier for earlier, later in pairwise(times)]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await self._answer(head, number, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(
        self, head: bytes, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        first, *lines = head.decode("latin-1").rstrip().split("\r\n")
        method, path, _ = first.split(" ")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        arrival = Arrival(clock.now(), method, path, headers, number)
        self.arrivals.append(arrival)
        async with self._more:
            self._more.notify_all()
        arrival.body = await reader.readexactly(int(headers.get("content-length", 0)))
        answer = self.site(arrival)
        if answer.drop:
            raise ConnectionError
        writer.write(answer.head())
        if answer.wait is not None:
            await writer.drain()
            await answer.wait.wait()
        writer.write(b"" if method == "HEAD" else answer.body)
        await writer.drain()


@asynccontextmanager
async def serving(site: Site = lambda arrival: Answer(), tls: "ssl.SSLContext | None" = None) -> AsyncIterator[Server]:
    """Serve on all of 127.0.0.0/8: each address is another host."""
    server = Server(site)
    listening = await asyncio.start_server(server.serve, "0.0.0.0", 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()


def drops_kept_connections() -> Site:
    """Answers the first request of each connection and drops the connection at the second."""
    known: set[int] = set()

    def site(arrival: Arrival) -> Answer:
        drop = arrival.connection in known
        known.add(arrival.connection)
        return Answer(drop=drop)

    return site
