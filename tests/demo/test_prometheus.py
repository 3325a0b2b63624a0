"""The Prometheus of demo and tests on a made-up target: it scrapes, keeps the target's labels, and evaluates rules."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from demo.prometheus import serving

RULES = [
    {
        "name": "test",
        "rules": [
            {
                "alert": "Stuck",
                "expr": "stuck == 1",
                "for": "1s",
                "annotations": {"description": "{{ $labels.crawljob }} of {{ $labels.namespace }}"},
            }
        ],
    }
]


class Target(ThreadingHTTPServer):
    """Serves one series; `stuck` is its value."""

    stuck = 1


class Handler(BaseHTTPRequestHandler):
    server: Target

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(f'stuck{{namespace="shop",crawljob="books"}} {self.server.stuck}\n'.encode())

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def target() -> Iterator[Target]:
    with Target(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def eventually(probe: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            if probe():
                return
        except OSError:
            pass  # It does not listen yet.
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.mark.skipif(not shutil.which("prometheus"), reason="prometheus is missing: apt-get install prometheus")
def test_an_alert_fires_and_clears(target: Target, tmp_path: Path) -> None:
    with serving(f"127.0.0.1:{target.server_port}", tmp_path, RULES) as prometheus:
        eventually(lambda: prometheus.firing("Stuck", namespace="shop", crawljob="books"))
        assert prometheus.firing("Stuck", crawljob="books") == "books of shop"
        assert prometheus.firing("Stuck", crawljob="others") == prometheus.firing("Away") == ""
        assert prometheus.value("stuck") == 1
        target.stuck = 0
        eventually(lambda: not prometheus.firing("Stuck"))
