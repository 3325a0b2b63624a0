"""nginx of one's own with the demo's configuration, reached as a proxy: host names need no DNS then."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import ProxyHandler, Request, build_opener

from demo import nginx
from tests.servers.ports import free_port


@dataclass(frozen=True)
class Web:
    port: int
    log: Path

    @property
    def proxy(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, address: str) -> int:
        """Ask without following redirects; return the status."""
        opener = build_opener(ProxyHandler({"http": self.proxy}))
        opener.process_response = {}  # neither redirects nor errors are handled for us
        with opener.open(Request(address), timeout=5) as response:  # noqa: S310
            return response.status


@contextmanager
def served(hosts: list[str], root: Path, work: Path) -> Iterator[Web]:
    if shutil.which("nginx") is None:
        raise RuntimeError("no nginx on this machine; on Debian: apt-get install -y nginx-light")
    web = Web(free_port(), work / "access.jsonl")
    text = nginx.configuration(
        hosts, root=str(root), log=str(web.log), scratch=str(work), address="127.0.0.1", port=web.port
    )
    (work / "nginx.conf").write_text(f"user root;\n{text}")
    process = subprocess.Popen(["nginx", "-e", work / "error.log", "-c", work / "nginx.conf", "-p", work])
    try:
        _await(web, process)
        yield web
    finally:
        process.terminate()
        process.wait(10)


def _await(web: Web, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            if web.get("http://unknown.example/healthy") == 200:
                return
        except OSError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"nginx does not answer: {error}") from error
            time.sleep(0.02)
