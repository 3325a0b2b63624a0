"""The operator's side of a frontier and the client's, both the real ones, on a real Redis: a crawl, a worker killed."""

import asyncio
import base64
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from crawlfleet.redis_gateway import RedisGateway
from tests import builders as b
from tests.fakes import FakeCluster
from tests.servers.redis import redis_server
from tests.servers.site import linked_pages, nginx_site
from tests.unit.operator_world import World

EXAMPLE = Path(__file__).parents[2] / "examples" / "workers" / "plain.py"
PAGES = 300
SPEC = {
    **b.FRONTIER,
    **b.EXTERNAL,
    "politeness": {"default": {"delayMilliseconds": 20, "maxConcurrentRequests": 4}},
    "scaling": {"type": "Fixed", "queue": None},
    "workers": {"replicas": 2},
    "completion": {"idleSeconds": 2},
}


class Crawl:
    """An operator that reconciles one job, and the job's workers as processes of this machine."""

    def __init__(self, url: str) -> None:
        cluster = FakeCluster()
        data = {"url": base64.b64encode(url.encode()).decode()}
        cluster.put({"kind": "Secret", "metadata": {"namespace": "crawls", "name": "shared"}, "data": data})
        self.url = url
        self.gateway = RedisGateway(cluster)
        self.world = World(cluster, self.gateway)
        self.world.clock.now = time.time()
        self.world.create(b.job(SPEC))

    async def until(self, holds, seconds: float = 40.0) -> None:
        """Look as often as the operator does, until it is so."""
        end = time.monotonic() + seconds
        while not holds(self.world.job):
            assert time.monotonic() < end, self.world.job.status
            self.world.clock.now = time.time()
            self.world.see_children()
            await self.world.look(0.0)
            await asyncio.sleep(0.3)

    def show(self, name: str, state: dict) -> None:
        """Have the API server tell this state of a worker's container."""
        self.world.cluster.put(b.pod(self.world.job, name, state=state))

    @contextmanager
    def worker(self, name: str, seed: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run the example worker in a pod of this name."""
        self.show(name, b.running())
        given = {"CRAWLFLEET_REDIS_URL": self.url, "CRAWLFLEET_JOB_UID": b.UID, "CRAWLFLEET_POD_UID": name}
        process = subprocess.Popen([sys.executable, str(EXAMPLE), seed], env={**os.environ, **given})
        try:
            yield process
        finally:
            process.kill()
            process.wait(10)


@pytest.fixture
async def crawl():
    with redis_server() as server:
        made = Crawl(server.url)
        yield made
        await made.gateway.close()


def frontier_of(job):
    return job.status.get("frontier") or {}


def reason_of(job, type_):
    return (job.condition(type_) or {}).get("reason")


async def test_a_crawl_by_real_workers_one_of_them_killed(crawl):
    with nginx_site(linked_pages(PAGES)) as site:
        await crawl.until(lambda job: reason_of(job, "FrontierIntact") == "SentinelPresent")
        seed = f"{site.url}/page-0.html"
        with crawl.worker("pod-1", seed) as one, crawl.worker("pod-2", seed) as two:
            await crawl.until(lambda _: len(site.log()) > PAGES / 3)
            one.kill()
            one.wait(10)
            crawl.show("pod-1", b.terminated(137))
            await crawl.until(lambda job: job.finished)
            assert await asyncio.to_thread(two.wait, 10) == 0, "a closed job lets its workers go"
        hits = Counter(hit.path for hit in site.log())
        assert {*hits} == {*site.pages}
    frontier = frontier_of(crawl.world.job)
    assert reason_of(crawl.world.job, "Complete") == "CrawlFinished"
    assert (frontier["done"], frontier["dead"], frontier["queued"], frontier["inFlight"]) == (PAGES, 0, 0, 0)
    assert sum(hits.values()) - PAGES <= frontier["losses"], "only what was in hand is fetched again"
