"""Does `examples/workers/plain.py` do what it promises: a crawl of two, one killed, every page fetched?"""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crawlfleet_frontier.pace import calls as pace_calls
from tests.frontier.crawl_scene import PACE_KEYS, UID, Scene, new_scene, until
from tests.servers.site import linked_pages, nginx_site

EXAMPLE = Path(__file__).parents[2] / "examples" / "workers" / "plain.py"
COUNT = 400


@contextmanager
def example(scene: Scene, name: str, seed: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = {
        **os.environ,
        "CRAWLFLEET_REDIS_URL": scene.server.url,
        "CRAWLFLEET_JOB_UID": UID,
        "CRAWLFLEET_POD_UID": name,
    }
    process = subprocess.Popen([sys.executable, str(EXAMPLE), seed], env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


def holder(scene: Scene) -> str:
    """The name of a worker that holds requests; empty where none does."""
    return next((worker.epoch.partition(":")[0] for worker in scene.snapshot().workers if worker.held), "")


async def test_two_plain_workers_one_killed_every_page_fetched():
    with new_scene(appendonly=True) as scene, nginx_site(linked_pages(COUNT)) as site:
        scene.create(delay_ms=20, open_requests=4)
        seed = f"{site.url}/page-0.html"
        with example(scene, "pod-a", seed) as one, example(scene, "pod-b", seed) as two:
            processes = {"pod-a": one, "pod-b": two}
            await until(lambda: len(site.log()) > 100 and holder(scene) != "", 30)
            victim = holder(scene)
            killed = processes.pop(victim)
            killed.kill()
            killed.wait(10)
            assert 100 < len(site.log()) < COUNT
            scene.run(pace_calls.confirm_dead(PACE_KEYS, [victim]))
            await until(lambda: scene.numbers("done", "dead") == (COUNT, 0), 60)
            assert scene.close()
            (left,) = processes.values()
            assert await asyncio.to_thread(left.wait, 10) == 0
        hits = Counter(hit.path for hit in site.log())
        assert {*hits} == {*site.pages}
        assert scene.snapshot().counters["losses"] >= 1
        assert sum(hits.values()) - COUNT <= scene.snapshot().counters["losses"]
