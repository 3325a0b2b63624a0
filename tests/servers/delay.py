"""How does it work from far away? A TCP proxy in a process of its own that delays each direction by a fixed time.

with delay_proxy(server.port, one_way_ms=0.5) as far:
    redis.Redis(port=far.port)  # every round trip takes 1 ms more

The order is kept and throughput is not limited: what came together goes on together. Its work is not in the CPU time of
either side; `far.cpu_seconds()` says how much it was.
"""

import asyncio
import selectors
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from os import sysconf
from pathlib import Path
from typing import cast

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class DelayProxy:
    """A running proxy."""

    port: int
    pid: int

    def cpu_seconds(self) -> float:
        """Return the CPU time that the proxy has used, user and system."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / sysconf("SC_CLK_TCK")


@contextmanager
def delay_proxy(target: int, one_way_ms: float) -> Iterator[DelayProxy]:
    """Run a proxy before port `target` of this machine; it ends with the block, or when this process ends."""
    command = [sys.executable, "-m", "tests.servers.delay", str(target), str(one_way_ms)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            port = process.stdout.readline() if process.stdout else ""
            if not port:
                raise RuntimeError("the delay proxy does not start")
            yield DelayProxy(int(port), process.pid)
        finally:
            process.kill()


class Direction:
    """Bytes on their way to one side; each chunk arrives a fixed time after it was sent."""

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self._loop = loop
        self._seconds = seconds
        self._under_way: deque[tuple[float, bytes]] = deque()
        self._receiver: asyncio.WriteTransport | None = None
        self._waiting = False

    def connect(self, receiver: asyncio.WriteTransport) -> None:
        """Name the side where the bytes arrive."""
        self._receiver = receiver
        self._arrive()

    def send(self, chunk: bytes) -> None:
        """Put bytes on their way; none at all: the end."""
        self._under_way.append((self._loop.time() + self._seconds, chunk))
        self._wait()

    def _wait(self) -> None:
        if self._under_way and not self._waiting:
            self._waiting = True
            self._loop.call_at(self._under_way[0][0], self._wake)

    def _wake(self) -> None:
        self._waiting = False
        self._arrive()

    def _arrive(self) -> None:
        now = self._loop.time()
        while self._receiver and self._under_way and self._under_way[0][0] <= now:
            chunk = self._under_way.popleft()[1]
            if chunk:
                self._receiver.write(chunk)
            else:
                self._receiver.close()
        if self._receiver:
            self._wait()


class Side(asyncio.Protocol):
    """One end of a connection: what comes in here goes out there."""

    def __init__(self, inward: Direction, outward: Direction) -> None:
        self._inward = inward
        self._outward = outward

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Receive from now on what the other side sends."""
        self._inward.connect(cast("asyncio.WriteTransport", transport))

    def data_received(self, data: bytes) -> None:
        """Send it on its way."""
        self._outward.send(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the other side as late as any other news."""
        self._outward.send(b"")


def accept(target: int, seconds: float) -> asyncio.Protocol:
    """Open the way from a new client to the target; return the client's side."""
    loop = asyncio.get_running_loop()
    forth, back = Direction(loop, seconds), Direction(loop, seconds)
    opening = loop.create_connection(lambda: Side(forth, back), "127.0.0.1", target)
    task = loop.create_task(opening)
    task.add_done_callback(partial(_tell_failure, back))
    return Side(back, forth)


def _tell_failure(back: Direction, task: "asyncio.Task[object]") -> None:
    if task.exception() is not None:
        back.send(b"")


async def serve(target: int, seconds: float) -> None:
    """Listen on a free port, print it, and serve until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: accept(target, seconds), "127.0.0.1", 0, family=socket.AF_INET)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ended.set)
    await ended.wait()


def main() -> None:
    """Run in the process of its own: TARGET_PORT ONE_WAY_MILLISECONDS."""
    target, milliseconds = int(sys.argv[1]), float(sys.argv[2])
    # epoll rounds time-outs up to whole milliseconds; select keeps microseconds.
    loop = asyncio.SelectorEventLoop(selectors.SelectSelector())
    loop.run_until_complete(serve(target, milliseconds / 1000))


if __name__ == "__main__":
    main()
