"""A crawl on a real Redis for the tests of the client: both stores made, workers that fetch from nowhere.

async with crawl() as scene:
    async with scene.worker() as frontier: ...
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from crawlfleet_frontier import identity
from crawlfleet_frontier.calls import ScriptCall
from crawlfleet_frontier.client import FrontierClient, Lease, Settings, now
from crawlfleet_frontier.client.blocking import run
from crawlfleet_frontier.envelope import FrontierRequest
from crawlfleet_frontier.pace import calls as pace_calls
from crawlfleet_frontier.pace.keys import PaceKeys
from crawlfleet_frontier.store import calls, replies
from crawlfleet_frontier.store.keys import StoreKeys
from tests.servers.redis import RedisServer, redis_server

UID = "0f4c-test"
KEYS, PACE_KEYS = StoreKeys(UID), PaceKeys(UID)
QUICK = Settings(beat_seconds=0.2, timeout_seconds=1.0, leave_seconds=5.0)


@dataclass
class Scene:
    """One job."""

    server: RedisServer
    fetched: list[str] = field(default_factory=list)
    sends: dict[str, list[float]] = field(default_factory=dict)
    first_bytes: dict[str, list[float]] = field(default_factory=dict)

    def run(self, call: ScriptCall) -> bytes:
        with self.server.client(decode_responses=False) as client:
            return run(client, call)

    def create(self, delay_ms: int = 0, open_requests: int = 8, **limits: Any) -> None:
        self.run(calls.create(KEYS, **limits))
        self.policy("1", delay_ms, open_requests)

    def policy(self, version: str, delay_ms: int, open_requests: int = 1, *overrides: pace_calls.Override) -> None:
        self.run(pace_calls.policy(PACE_KEYS, version, delay_ms, open_requests, overrides))

    def snapshot(self) -> replies.StoreSnapshot:
        return replies.read_snapshot(self.run(calls.snapshot(KEYS)))

    def numbers(self, *names: str) -> tuple[int, ...]:
        return tuple(map(self.snapshot().number, names))

    def close(self) -> bool:
        return bool(replies.read_one(self.run(calls.close(KEYS, self.snapshot().number("admitted")))))

    def push(self, *urls: str) -> None:
        """Admit from outside, as an operator does."""
        rows = [
            calls.PushRequest(
                identity.request_id(identity.url_fingerprint(url)), identity.host_of(url), 3, url.encode()
            )
            for url in urls
        ]
        self.run(calls.push(KEYS, rows))

    def worker(
        self, name: str = "pod-a", *, port: int = 0, settings: Settings = QUICK, **options: Any
    ) -> FrontierClient:
        url = f"redis://127.0.0.1:{port}" if port else self.server.url
        return FrontierClient(url, UID, name, settings=settings, **options)

    async def fetch(
        self, frontier: FrontierClient, lease: Lease, found: Callable[[str], list[str]], seconds: float = 0.0
    ) -> None:
        """Fetch one request from nowhere: it takes so long and finds these URLs."""
        if not frontier.sent(lease):
            return
        self.sends.setdefault(lease.host, []).append(now())
        await asyncio.sleep(seconds)
        first_byte = now()
        self.first_bytes.setdefault(lease.host, []).append(first_byte)
        self.fetched.append(lease.request.url)
        frontier.closed(lease, first_byte=first_byte)
        frontier.push([FrontierRequest(url) for url in found(lease.request.url)], parent=lease)
        frontier.done(lease)

    async def crawl(
        self, frontier: FrontierClient, found: Callable[[str], list[str]] = lambda url: [], seconds: float = 0.0
    ) -> None:
        """Work until the job is closed."""
        async with asyncio.TaskGroup() as tasks:
            async for lease in frontier.leases():
                tasks.create_task(self.fetch(frontier, lease, found, seconds))


async def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until it holds; looked at every few milliseconds, in a thread where it asks Redis."""
    async with asyncio.timeout(seconds):
        while not await asyncio.to_thread(condition):  # noqa: ASYNC110 - what Redis knows rings no bell
            await asyncio.sleep(0.02)


def pages(count: int, host: str = "a.example", fanout: int = 4) -> tuple[str, Callable[[str], list[str]]]:
    """A tree of pages on one host: its root, and what each page links to (its parent and itself too)."""

    def links(url: str) -> list[str]:
        n = int(url.rpartition("/")[2])
        children = range(n * fanout + 1, min(n * fanout + fanout + 1, count))
        return [f"http://{host}/{target}" for target in (*children, (n - 1) // fanout if n else 0, n)]

    return f"http://{host}/0", links


@contextmanager
def scene_on(server: RedisServer) -> Iterator[Scene]:
    with server.client() as client:
        client.flushall()
    yield Scene(server)


@contextmanager
def new_scene(**options: Any) -> Iterator[Scene]:
    with redis_server(**options) as server:
        yield Scene(server)
