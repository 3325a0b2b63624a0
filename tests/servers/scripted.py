"""An HTTP server that says byte for byte what a test wrote, at the moment it wrote, and counts what arrives.

async with scripted({"/late": (b"HTTP/1.1 200 OK\r\n", HOLD)}) as server:
    fetch(server.url("/late")); assert server.heads == [b"GET /late HTTP/1.1…"]
"""

import asyncio
import contextlib
import ssl
import struct
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from socket import SO_LINGER, SOL_SOCKET


class Step(Enum):
    """What a script does beside writing."""

    HOLD = auto()
    """Wait until the client has gone, or `Scripted.go_on` is set."""
    CLOSE = auto()
    RESET = auto()
    BREATHE = auto()
    """Let what was written travel by itself."""


@dataclass(frozen=True)
class Endless:
    """Writes the same again and again, until the client has gone."""

    what: bytes
    pause: float = 0.0
    """Seconds between two."""


HOLD, CLOSE, RESET, BREATHE = Step
Script = Sequence[bytes | Step | Endless]
BREATH_SECONDS = 0.02


@dataclass
class Scripted:
    """A running server. Each connection serves one request after the other, until its script closes it."""

    scripts: Mapping[str, Script]
    tls: ssl.SSLContext | None = None
    address: str = "127.0.0.1"
    port: int = 0
    heads: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    connections: int = 0
    peers: set[str] = field(default_factory=set)
    """Addresses that connected."""
    resumed: int = 0
    """TLS connections that took up an earlier session."""
    open: set[asyncio.StreamWriter] = field(default_factory=set)
    reads_bodies: bool = True
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    def url(self, path: str = "/") -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}{path}"

    async def until_open(self, connections: int) -> None:
        """Wait until just so many connections are open."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self.open) == connections)

    async def until_heard(self, requests: int) -> None:
        """Wait until so many requests have arrived."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self.heads) >= requests)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.peers.add(writer.get_extra_info("peername")[0])
        spoken = writer.get_extra_info("ssl_object")
        self.resumed += bool(spoken and spoken.session_reused)
        await self._note(self.open.add, writer)
        try:
            while await self._answer(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.transport.abort()
            await self._note(self.open.discard, writer)

    async def _note(self, change, what) -> None:
        async with self._changed:
            change(what)
            self._changed.notify_all()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        await self._note(self.heads.append, head)
        length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        if self.reads_bodies:
            self.bodies.append(await reader.readexactly(int(length[0].partition(b":")[2]) if length else 0))
        path = head.split(b" ")[1].decode("latin-1").partition("?")[0]
        for step in self.scripts[path]:
            if isinstance(step, bytes):
                writer.write(step)
                await writer.drain()
            elif isinstance(step, Endless):
                await self._again(step, writer)
            elif not await self._do(step, reader, writer):
                return False
        return True

    async def _again(self, endless: Endless, writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing():
            writer.write(endless.what)
            await writer.drain()
            await asyncio.sleep(endless.pause)
        raise ConnectionError

    async def _do(self, step: Step, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        if step is BREATHE:
            await asyncio.sleep(BREATH_SECONDS)
        elif step is HOLD:
            gone, told = asyncio.create_task(reader.read()), asyncio.create_task(self.go_on.wait())
            await asyncio.wait((gone, told), return_when=asyncio.FIRST_COMPLETED)
            gone.cancel()
            told.cancel()
            await asyncio.gather(gone, told, return_exceptions=True)
        else:
            if step is RESET:
                writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
            else:
                with contextlib.suppress(ConnectionError, NotImplementedError):
                    writer.close()
                    await writer.wait_closed()
            return False
        return True


@asynccontextmanager
async def scripted(
    scripts: Mapping[str, Script], *, tls: ssl.SSLContext | None = None, address: str = "127.0.0.1"
) -> AsyncIterator[Scripted]:
    """Serve the scripts by path, on one address."""
    server = Scripted(scripts, tls, address)
    listening = await asyncio.start_server(server.serve, address, 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        server.go_on.set()
        listening.close()
        for writer in tuple(server.open):
            writer.transport.abort()
        await asyncio.wait_for(server.until_open(0), 5)
