"""What did really arrive? A server for a drawn site that logs each request's start and end in microseconds.

    with running_site(graph) as site:
        crawl(site.url(start_of(graph)))
        site.wait_for(700)  # requests
        site.log()          # what arrived, by whom, when

It listens on 127.0.0.1 and as many of its neighbours as the site has hosts, all on one port. Which worker asks is told
by its User-Agent. Times are CLOCK_MONOTONIC, taken in the handler: when the request's head has been read, and right
before the answer is written.
"""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from aiohttp import web

from benchmarks.chaos.graph import Graph, Node
from benchmarks.monotonic import now_us
from tests.servers.own_thread import serving, web_server


@dataclass(slots=True)
class Hit:
    """One request, as the server saw it."""

    name: str
    """Host and path: a name of the graph, if it is one."""
    worker: str
    began_us: int
    ended_us: int = 0
    """0 while it is open."""
    status: int = 0


@dataclass
class Site:
    """A running server."""

    graph: Graph
    port: int = 0
    hits: list[Hit] = field(default_factory=list)
    _tries: Counter[str] = field(default_factory=Counter)
    _more: threading.Condition = field(default_factory=threading.Condition)

    def url(self, name: str) -> str:
        """Return the URL of a name of the graph."""
        host, _, path = name.partition("/")
        return f"http://{host}:{self.port}/{path}"

    def name(self, url: str) -> str:
        """Return the name in the graph that a URL has."""
        return url.removeprefix("http://").replace(f":{self.port}/", "/", 1)

    def log(self) -> list[Hit]:
        """Return all requests so far, in the order of their starts."""
        return list(self.hits)

    def wait_for(self, count: int, seconds: float) -> bool:
        """Wait until so many requests have begun; False where they have not in time."""
        with self._more:
            return self._more.wait_for(lambda: len(self.hits) >= count, seconds)

    def open_of(self, worker: str) -> int:
        """Return how many requests of this worker are being answered right now."""
        return sum(1 for hit in self.hits[-500:] if hit.worker == worker and not hit.ended_us)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer as the graph says."""
        name = request.host.partition(":")[0] + request.path
        hit = Hit(name, request.headers.get("User-Agent", ""), now_us())
        with self._more:
            self.hits.append(hit)
            self._more.notify_all()
        node = self.graph.get(name)
        if node is not None and node.seconds:
            await asyncio.sleep(node.seconds)
        response = self._response(name, node)
        hit.status, hit.ended_us = response.status, now_us()
        return response

    def _response(self, name: str, node: Node | None) -> web.Response:
        if node is None:
            return web.Response(status=404)
        if node.location:
            return web.Response(status=302, headers={"Location": self.url(node.location)})
        self._tries[name] += 1
        if node.failures < 0 or self._tries[name] <= node.failures:
            return web.Response(status=node.error)
        anchors = "".join(f'<a href="{self.url(link)}">x</a>' for link in node.links)
        return web.Response(text=f"<html><body>{anchors}</body></html>", content_type="text/html")


@contextmanager
def running_site(graph: Graph) -> Iterator[Site]:
    """Serve the graph from a thread of its own."""
    site = Site(graph)
    hosts = sorted({name.partition("/")[0] for name in graph})
    with serving(web_server(site.answer, hosts)) as site.port:
        yield site
