"""When did each request arrive? A server of many hosts, in a process of its own, that takes the kernel's word for it.

with judging(pauses_ms=(0, 20, 100), ahead=60) as judge:
    fetch(f"http://127.1.0.1:{judge.port}/1")
judge.arrivals()

A request's start is the kernel's receive timestamp of its first bytes (SO_TIMESTAMPNS), so a server that is busy does
not move it. The page `/n` links to `/n+ahead`: a crawl of a host never ends. The host with the number i answers after
`pauses_ms[i % len]`, half as long again or half as long by chance. It listens on loopback alone.
"""

import asyncio
import json
import random
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.monotonic import now_us
from benchmarks.pace.addresses import host_number
from benchmarks.pace.arrivals import Arrival, Log, read

ROOT: Final = Path(__file__).resolve().parents[2]
SO_TIMESTAMPNS: Final = 35
"""Linux' number; Python's `socket` does not name it."""
ANCILLARY_BYTES: Final = 64
AGENT: Final = b"User-Agent: pod-"
LOOPBACK: Final = b"lo\0"


@dataclass
class Judging:
    """A judge that runs, or has run."""

    port: int
    pid: int
    file: Path
    _arrivals: list[Arrival] = field(default_factory=list)

    def arrivals(self) -> list[Arrival]:
        """Return all that it saw, once it has ended."""
        return self._arrivals

    def collect(self) -> None:
        """Read what it has written."""
        self._arrivals = list(read(self.file))


@contextmanager
def judging(pauses_ms: Sequence[float], ahead: int) -> Iterator[Judging]:
    """Run a judge; its log can be read after the block."""
    with tempfile.TemporaryDirectory(prefix="crawlfleet-judge-") as folder:
        file = Path(folder) / "arrivals"
        command = [sys.executable, "-m", "benchmarks.pace.judge", json.dumps([str(file), list(pauses_ms), ahead])]
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            try:
                port = process.stdout.readline() if process.stdout else ""
                if not port:
                    raise RuntimeError("the judge does not start")
                judge = Judging(int(port), process.pid, file)
                yield judge
                process.communicate(timeout=30)
                judge.collect()
            finally:
                process.kill()


@dataclass
class Judge:
    """The server itself."""

    pauses_ms: Sequence[float]
    ahead: int
    log: Log = field(default_factory=Log)
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    ahead_of_monotonic: int = field(default_factory=lambda: time.time_ns() - time.monotonic_ns())
    """The kernel stamps with the time of day: what it is ahead of CLOCK_MONOTONIC, in ns."""

    def accept(self, listening: socket.socket) -> None:
        """Take in all that knock."""
        while True:
            try:
                connection, _ = listening.accept()
            except BlockingIOError:
                return
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            Connection(self, connection).listen()

    def pause(self, host: int) -> float:
        """Return how long the host thinks before it answers, in seconds."""
        return self.pauses_ms[host % len(self.pauses_ms)] / 1000 * self.chance.uniform(0.5, 1.5)

    def page(self, number: int) -> bytes:
        """Return the answer to `/number`."""
        body = b'<html><a href="/%d">next</a></html>' % (number + self.ahead)
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(body)
        return head + body

    def arrived(self, ancillary: Sequence[tuple[int, int, bytes]]) -> int:
        """Return the kernel's timestamp in µs of CLOCK_MONOTONIC."""
        for level, kind, content in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
                seconds, nanoseconds = struct.unpack("=qq", content[:16])
                return int(seconds * 1_000_000_000 + nanoseconds - self.ahead_of_monotonic) // 1000
        raise RuntimeError("the kernel gives no receive timestamps for TCP: this judge needs Linux")


class Connection:
    """One connection: requests come one after the other."""

    def __init__(self, judge: Judge, connection: socket.socket) -> None:
        self._judge, self._socket = judge, connection
        self._loop = asyncio.get_running_loop()
        self._host = host_number(connection.getsockname()[0])
        self._head = b""
        self._started = 0
        self._row = -1
        self._timer: asyncio.TimerHandle | None = None

    def listen(self) -> None:
        """Read whatever comes."""
        self._loop.add_reader(self._socket, self._readable)

    def _readable(self) -> None:
        try:
            data, ancillary, _, _ = self._socket.recvmsg(65536, ANCILLARY_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lost()
            return
        if not self._head:
            self._started = self._judge.arrived(ancillary)
        self._head += data
        if self._head.endswith(b"\r\n\r\n"):
            self._asked(self._head)
            self._head = b""

    def _asked(self, head: bytes) -> None:
        number = int(head.split(b" ", 2)[1][1:])
        seen, worker = now_us(), worker_of(head)
        self._row = self._judge.log.begin(self._host, self._started, seen, worker)
        pause = self._judge.pause(self._host)
        if pause:
            self._timer = self._loop.call_later(pause, self._answer, number)
        else:
            self._answer(number)

    def _answer(self, number: int) -> None:
        page, self._timer = self._judge.page(number), None
        self._judge.log.end(self._row, now_us())
        try:
            self._socket.send(page)
        except OSError:
            self._lost()

    def _lost(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._judge.log.end(self._row, now_us())
        self._loop.remove_reader(self._socket)
        self._socket.close()


def worker_of(head: bytes) -> int:
    """Return the number in `User-Agent: pod-N`."""
    return int(head.partition(AGENT)[2].partition(b"\r\n")[0])


def listening_socket() -> socket.socket:
    """Listen on every address of the loopback device, and on no other device."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, LOOPBACK)
    listening.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)  # connections inherit it
    listening.bind(("0.0.0.0", 0))  # noqa: S104 - bound to the loopback device
    listening.listen(4096)
    listening.setblocking(False)
    return listening


async def serve(judge: Judge) -> None:
    """Print the port and serve until standard input ends."""
    loop, ended, listening = asyncio.get_running_loop(), asyncio.Event(), listening_socket()
    loop.add_reader(listening, judge.accept, listening)
    print(listening.getsockname()[1], flush=True)
    loop.add_reader(sys.stdin.fileno(), ended.set)
    await ended.wait()


def main() -> None:
    """Run in the process of its own: one JSON argument, the log's file, the pauses in ms, and `ahead`."""
    file, pauses_ms, ahead = json.loads(sys.argv[1])
    judge = Judge(pauses_ms, ahead)
    asyncio.run(serve(judge))
    judge.log.write(Path(file))


if __name__ == "__main__":
    main()
