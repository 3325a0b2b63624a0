"""How fast does a worker get through pages that cost nothing, at a given distance to Redis?

A page is fetched in no time and has ten links, of which two are new: what is left is the frontier. Ours is the
async client with 64 pages open, the peer scrapy-redis' scheduler calls one after the other, as Scrapy makes them.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import redis
from scrapy import Request, Spider
from scrapy_redis.dupefilter import RFPDupeFilter
from scrapy_redis.queue import PriorityQueue

from benchmarks.frontier.links import Link, pages
from benchmarks.frontier.peer import QUEUE, SEEN
from crawlfleet_frontier.client import FrontierClient, Lease, now
from crawlfleet_frontier.envelope import FrontierRequest
from crawlfleet_frontier.pace import calls as pace
from crawlfleet_frontier.pace.keys import PaceKeys
from crawlfleet_frontier.store import calls as store
from crawlfleet_frontier.store.keys import StoreKeys

OPEN: Final = 64
LINKS: Final = 10
KNOWN: Final = 0.8
HOSTS: Final = 16


@dataclass(frozen=True)
class Speed:
    """What a run came to."""

    pages: int
    seconds: float

    @property
    def pages_per_second(self) -> float:
        """Return the rate."""
        return self.pages / self.seconds


def prepare(client: redis.Redis, uid: str, delay_ms: int = 0, open_requests: int = OPEN) -> None:
    """Create both stores of a job."""
    for call in (store.create(StoreKeys(uid)), pace.policy(PaceKeys(uid), "1", delay_ms, open_requests)):
        client.eval(*call.eval_arguments())  # type: ignore[arg-type]


def ours(url: str, uid: str, count: int) -> Speed:
    """Crawl that many pages with one worker."""
    return asyncio.run(_ours(url, uid, count))


async def _ours(url: str, uid: str, count: int) -> Speed:
    found = list(pages(count, LINKS, KNOWN, HOSTS))
    async with FrontierClient(url, uid, "bench") as frontier:
        await frontier.claim_seeds()
        frontier.push(FrontierRequest(link.url) for link in found[0])
        await frontier.seeds_done()
        done, begin = 0, 0.0
        async with asyncio.TaskGroup() as tasks:
            async for lease in frontier.leases():
                begin = begin or time.perf_counter()
                tasks.create_task(_page(frontier, lease, found[done]))
                done += 1
                if done == count:
                    break
        await frontier.flushed()
        return Speed(count, time.perf_counter() - begin)


async def _page(frontier: FrontierClient, lease: Lease, links: Sequence[Link]) -> None:
    if not frontier.sent(lease):
        return
    await asyncio.sleep(0)
    frontier.closed(lease, first_byte=now())
    frontier.push((FrontierRequest(link.url) for link in links), parent=lease)
    frontier.done(lease)


def peer(url: str, count: int) -> Speed:
    """Do the same with scrapy-redis' parts."""
    client = redis.Redis.from_url(url)
    seen, queue = RFPDupeFilter(client, SEEN), PriorityQueue(client, Spider(name="bench"), QUEUE)
    found = list(pages(count, LINKS, KNOWN, HOSTS))
    begin = time.perf_counter()
    for links in found:
        for link in links:
            request = Request(link.url)
            if not seen.request_seen(request):
                queue.push(request)
        queue.pop()
    return Speed(count, time.perf_counter() - begin)
