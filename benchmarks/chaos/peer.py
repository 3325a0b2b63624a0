"""What does stock scrapy-redis lose of the same crawl when a worker is killed in the same way?

Its own scheduler, dupe filter, queue and item pipeline, set up as its README says, with `scrapy crawl`; a RedisSpider,
so that workers wait for more. A killed worker is started again. Where the log leaves a doubt it is to the peer's
advantage: fetched is what the site answered, whether or not the callback came to its end, and a page that never answers
counts as given up once it was asked for.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.chaos import graph
from benchmarks.chaos.drawing import KILLS, Scenario
from benchmarks.chaos.faults.blows import wait_for
from benchmarks.chaos.running import expected_requests
from benchmarks.chaos.scene import PROJECT
from benchmarks.chaos.site import Site, running_site
from benchmarks.monotonic import now_us
from tests.servers.redis import RedisServer, redis_server

SPIDER: Final = "peer-maze"
QUEUE: Final = "peer-maze:requests"
START_URLS: Final = "peer:start_urls"
SETTINGS: Final = {
    "SCHEDULER": "scrapy_redis.scheduler.Scheduler",
    "DUPEFILTER_CLASS": "scrapy_redis.dupefilter.RFPDupeFilter",
    "SCHEDULER_PERSIST": "True",
    "ITEM_PIPELINES": '{"scrapy_redis.pipelines.RedisPipeline": 300}',
    "RETRY_TIMES": str(graph.RETRY_TIMES),
    "TELNETCONSOLE_ENABLED": "False",
}
TRAPS: Final = {"kill-in-callback": "callback", "kill-before-settle": "settle"}
MOMENT_SECONDS: Final = 300.0
QUIET_SECONDS: Final = 10.0
"""Nothing queued and nothing asked for so long: the crawl is over (the engine polls at least every 4 s)."""
END_SECONDS: Final = 300.0


@dataclass(frozen=True, slots=True)
class PeerRun:
    """What came of it."""

    fault: str
    pages: int
    lost: int
    void: str

    def counts(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {"fault": self.fault, "pages": self.pages, "lost": self.lost, "void": self.void}


@dataclass
class PeerScene:
    """A crawl of scrapy-redis."""

    scenario: Scenario
    site: Site
    server: RedisServer
    folder: Path
    workers: "list[subprocess.Popen[bytes]]"

    def start(self, number: int) -> "subprocess.Popen[bytes]":
        """Start the worker of this number."""
        settings = {
            **SETTINGS,
            "REDIS_URL": self.server.url,
            "USER_AGENT": f"pod-{number}",
            "CONCURRENT_REQUESTS": str(self.scenario.concurrency),
            "CONCURRENT_REQUESTS_PER_DOMAIN": str(self.scenario.slots),
        }
        options = [part for name, value in settings.items() for part in ("-s", f"{name}={value}")]
        command = [sys.executable, "-m", "scrapy", "crawl", SPIDER, "-a", f"traps={self.folder}", *options]
        environment = {**os.environ, "CRAWLFLEET_POD_UID": f"pod-{number}"}
        with (self.folder / f"worker-{number}.log").open("ab") as log:
            return subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=log, stderr=subprocess.STDOUT)

    def dead(self) -> int | None:
        """Return the number of a worker that has ended."""
        return next((number for number, worker in enumerate(self.workers) if worker.poll() is not None), None)

    def revive(self) -> None:
        """Start again what has ended."""
        number = self.dead()
        if number is not None:
            self.workers[number] = self.start(number)


def run(scenario: Scenario) -> PeerRun:
    """Run the scenario's crawl with scrapy-redis and its one SIGKILL."""
    (fault,) = scenario.faults
    if fault not in KILLS:
        raise ValueError(f"the peer is killed only: {fault!r} is none of {', '.join(KILLS)}")
    with _staged(scenario) as scene:
        scene.workers += [scene.start(number) for number in range(scenario.workers)]
        with scene.server.client() as client:
            client.rpush(START_URLS, scene.site.url(graph.start_of(scene.site.graph)))
        count = round(scenario.moment * expected_requests(scene.site.graph))
        if not scene.site.wait_for(count, MOMENT_SECONDS):
            return _judge(scene, fault, f"only {len(scene.site.hits)} of {count} requests came before the fault")
        void = _kill(scene, fault)
        time.sleep(scenario.comeback_seconds)
        scene.revive()
        ended = wait_for(lambda: _over(scene), END_SECONDS, 0.2)
        return _judge(scene, fault, void or ("" if ended else "it does not end"))


@contextmanager
def _staged(scenario: Scenario) -> Iterator[PeerScene]:
    drawn = graph.draw(scenario.seed, scenario.pages, scenario.hosts)
    folder = Path(tempfile.mkdtemp(prefix="crawlfleet-chaos-peer-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        server = stack.enter_context(redis_server())
        site = stack.enter_context(running_site(drawn))
        scene = PeerScene(scenario, site, server, folder, [])
        stack.callback(_end, scene)
        yield scene


def _kill(scene: PeerScene, fault: str) -> str:
    """Kill one worker; return why it was not in the way that the fault wants."""
    if fault in TRAPS:
        (scene.folder / TRAPS[fault]).touch()
        return "" if wait_for(lambda: scene.dead() is not None) else "no worker came by the trap"
    open_now = wait_for(lambda: [n for n in range(len(scene.workers)) if scene.site.open_of(f"pod-{n}")], 30, 0.001)
    if not open_now:
        return "no worker has a request on the wire"
    scene.workers[open_now[0]].send_signal(signal.SIGKILL)
    scene.workers[open_now[0]].wait(10)
    return ""


def _over(scene: PeerScene) -> bool:
    with scene.server.client() as client:
        queued = client.zcard(QUEUE)
    last = max(hit.ended_us or now_us() for hit in scene.site.hits[-200:])
    return not queued and now_us() - last > QUIET_SECONDS * 1e6


def _judge(scene: PeerScene, fault: str, void: str) -> PeerRun:
    site = scene.site
    due = graph.reachable(site.graph, graph.start_of(site.graph))
    answered = {hit.name for hit in site.log() if hit.ended_us and hit.status < 500}
    given_up = {hit.name for hit in site.log() if hit.name in site.graph and site.graph[hit.name].failures < 0}
    return PeerRun(fault, len(due), len(due - answered - given_up), void)


def _end(scene: PeerScene) -> None:
    for worker in scene.workers:
        worker.kill()
        worker.wait(10)
