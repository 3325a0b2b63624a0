"""Local sites to crawl, whose own log says what really arrived: nginx for pages, aiohttp for trouble.

with nginx_site(linked_pages(100)) as site:
    crawl(site.url); assert {hit.path for hit in site.log()} == set(site.pages)

with trouble_site() as site:
    crawl(f"{site.url}/hang")  # never answers
"""

import asyncio
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from tests.servers.own_thread import serving, web_server
from tests.servers.ports import free_port

START_SECONDS = 20.0


@dataclass(frozen=True)
class Hit:
    """One request as the server logged it at its end."""

    path: str
    status: int
    body_bytes: int
    at: float = 0.0
    """When it was logged: seconds since 1970, to the millisecond (nginx only)."""


@dataclass
class NginxSite:
    """A running nginx over files."""

    url: str
    pages: Mapping[str, bytes]
    log_file: Path

    def log(self) -> list[Hit]:
        """Return every request so far, in order of their ends."""
        lines = self.log_file.read_text().splitlines()
        return [Hit(**json.loads(line)) for line in lines]


def linked_pages(count: int, fanout: int = 4) -> dict[str, bytes]:
    """Return `count` pages that all hang together: page n links to its `fanout` children, its parent and itself."""
    pages = {}
    for n in range(count):
        children = range(n * fanout + 1, min(n * fanout + fanout + 1, count))
        links = [*children, (n - 1) // fanout if n else 0, n]
        anchors = "".join(f'<a href="{page_path(target)}">{target}</a>' for target in links)
        pages[page_path(n)] = f"<html><body><h1>Page {n}</h1>{anchors}</body></html>".encode()
    return pages


def page_path(n: int) -> str:
    """Return the path of page n of `linked_pages`; page 0 is the root of all."""
    return f"/page-{n}.html"


@contextmanager
def nginx_site(pages: Mapping[str, bytes], extra: str = "") -> Iterator[NginxSite]:
    """Serve `pages` (path to body) with nginx; `extra` goes into its server block as it is."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        raise RuntimeError("no nginx on this machine; on Debian: apt-get install -y nginx-light")
    folder = Path(tempfile.mkdtemp(prefix=f"crawlfleet-nginx-{os.getpid()}-"))
    port = free_port()
    for path, body in pages.items():
        file = folder / "html" / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(body)
    (folder / "nginx.conf").write_text(_nginx_conf(folder, port, extra))
    command = [program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        _wait_for_file(folder / "nginx.pid", process)
        yield NginxSite(f"http://127.0.0.1:{port}", pages, folder / "access.log")
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for_file(file: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not file.exists() or not file.read_text().strip():
        if process.poll() is not None:
            raise RuntimeError(f"nginx ended at once: {process.stderr.read() if process.stderr else b''!r}")
        if time.monotonic() > deadline:
            raise TimeoutError("nginx does not start")
        time.sleep(0.02)


def _nginx_conf(folder: Path, port: int, extra: str) -> str:
    user = "user root;" if os.geteuid() == 0 else ""
    temporary = "\n".join(
        f"  {kind}_temp_path {folder}/tmp-{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"""
daemon off; worker_processes 1; {user} pid {folder}/nginx.pid;
events {{ worker_connections 512; }}
http {{
{temporary}
  types {{ text/html html; text/plain txt; application/octet-stream bin; }}
  log_format hits escape=json '{{"path": "$uri", "status": $status, "body_bytes": $body_bytes_sent, "at": $msec}}';
  access_log {folder}/access.log hits;
  server {{ listen 127.0.0.1:{port}; root {folder}/html; {extra} }}
}}
"""


@dataclass
class TroubleSite:
    """A server that misbehaves where it is told to.

    /page/<n> answers; /status/<code> answers with that code; /flaky/<name>/<times> answers 503 so many times first;
    /redirect/<path> redirects; /slow/<seconds>/<name> answers late, /held/<name> once `gate` has a result, /hang/<name>
    never; /drop/<name> closes the connection; /pages/<count> links to so many /page/<n>; /links?to=<path>&to=… links to
    these paths.
    """

    url: str = ""
    hits: list[Hit] = field(default_factory=list)
    hanging: int = 0
    gate: Future[None] = field(default_factory=Future)
    _tries: dict[str, int] = field(default_factory=dict)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer by the first part of the path, and note it."""
        kind, _, rest = request.path.lstrip("/").partition("/")
        response = await self._response(kind, rest, request)
        self.hits.append(Hit(request.path, response.status, len(response.body or b"")))  # type: ignore[arg-type]
        return response

    async def _response(self, kind: str, rest: str, request: web.Request) -> web.Response:
        if kind == "status":
            return _page(rest, status=int(rest.partition("/")[0]))
        if kind == "flaky":
            self._tries[rest] = self._tries.get(rest, 0) + 1
            return _page(rest, status=503 if self._tries[rest] <= int(rest.rpartition("/")[2]) else 200)
        if kind == "redirect":
            return web.Response(status=302, headers={"Location": f"/{rest}"}, body=b"")
        if kind == "slow":
            await asyncio.sleep(float(rest.partition("/")[0]))
        if kind == "held":
            await asyncio.wrap_future(self.gate)
        if kind == "hang":
            self.hanging += 1
            await asyncio.sleep(3600)
        if kind == "drop" and request.transport is not None:
            request.transport.abort()
        if kind == "pages":
            return _page("list", links=[f"/page/{n}" for n in range(int(rest))])
        return _page(rest, links=request.query.getall("to", []))


def _page(title: str, links: list[str] | None = None, status: int = 200) -> web.Response:
    anchors = "".join(f'<a href="{link}">{link}</a>' for link in links or [])
    return web.Response(text=f"<h1>{title}</h1>{anchors}", content_type="text/html", status=status)


@contextmanager
def trouble_site() -> Iterator[TroubleSite]:
    """Run a TroubleSite in a thread of its own."""
    site = TroubleSite()
    with serving(web_server(site.answer)) as port:
        site.url = f"http://127.0.0.1:{port}"
        yield site
