"""How far off is the judge? Two raw clients whose own clock says when their requests left.

Over loopback a request arrives while `send` runs: the judge's start must lie between the moments before and after it.
"""

import socket
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from benchmarks.monotonic import now_us
from benchmarks.pace.addresses import PROBE, PROBE_ADDRESS
from benchmarks.pace.arrivals import Arrival
from benchmarks.pace.fetching import request
from benchmarks.pace.verdict import quantile

APART_SECONDS: Final = 0.05


@dataclass
class Probes:
    """Two clients that take turns."""

    port: int
    sends: list[tuple[int, int]] = field(default_factory=list)
    """Before and after each `send`, in µs."""

    def run(self, seconds: float) -> None:
        """Ask every 50 ms, for so long."""
        end, pause = time.monotonic() + seconds, threading.Event()
        with self._client() as one, self._client() as two:
            while time.monotonic() < end:
                for client in (one, two):
                    self._ask(client)
                pause.wait(APART_SECONDS)

    def _client(self) -> socket.socket:
        client = socket.create_connection((PROBE_ADDRESS, self.port), timeout=30)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client

    def _ask(self, client: socket.socket) -> None:
        words = request(PROBE_ADDRESS, "/0", "pod-0")
        before = now_us()
        client.sendall(words)
        after = now_us()
        self.sends.append((before, after))
        client.recv(65536)

    def error(self, arrivals: Sequence[Arrival]) -> Mapping[str, float]:
        """Return the judge's error in µs: of each start against its send, and of each gap against the clients' gap."""
        starts = sorted(one.started for one in arrivals if one.host == PROBE)
        if len(starts) != len(self.sends):
            raise RuntimeError(f"{len(self.sends)} probes were sent, the judge saw {len(starts)}")
        outside = [
            max(before - start, start - after, 0) for start, (before, after) in zip(starts, self.sends, strict=True)
        ]
        late = [start - before for start, (before, _) in zip(starts, self.sends, strict=True)]
        gaps = [abs((late[n + 1]) - late[n]) for n in range(len(late) - 1)]
        return {
            "probes": len(starts),
            "outside_of_send_max_us": max(outside, default=0),
            "gap_error_p50_us": quantile(gaps, 0.5),
            "gap_error_p99_us": quantile(gaps, 0.99),
            "gap_error_max_us": max(gaps, default=0),
        }
