"""What does one run stand on? A server of its own, the site, the job, and the pods with its workers.

Faults act on a `Scene`; what stands between workers and Redis (a proxy, a movable clock) is there when a fault of the
scenario asks for it.
"""

import json
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks.chaos import graph
from benchmarks.chaos.drawing import Scenario
from benchmarks.chaos.site import Site, running_site
from tests.servers.clock import MovableClock, movable_clock
from tests.servers.faulty_proxy import Fate, FaultyProxy, always, faulty_proxy
from tests.servers.kinds import frontier_server
from tests.servers.redis import RedisServer
from tests.worker.fleet import Worker
from tests.worker.frontier.jobs import FrontierJob
from tests.worker.worker_process import Zygote, wait_for_code

PROJECT: Final = Path(__file__).parent / "project"
USERS_KEY: Final = "users:start_urls"
MAX_LOSSES: Final = 3


@dataclass(slots=True)
class Pod:
    """One pod, with the process that it runs or ran last."""

    name: str
    worker: Worker
    wanted: bool = True
    """Whether the operator wants it to run: False once it was told to go."""

    @property
    def runs(self) -> bool:
        """Whether its process lives."""
        return self.worker.runs


@dataclass
class Scene:
    """One run."""

    scenario: Scenario
    server: RedisServer
    site: Site
    job: FrontierJob
    clock: MovableClock | None = None
    proxy: FaultyProxy | None = None
    pods: list[Pod] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    """Exit codes of workers, as they were seen."""
    still: threading.Lock = field(default_factory=threading.Lock)
    """Whoever holds it keeps the operator's part from acting."""

    @property
    def traps(self) -> Path:
        """The folder that the spider looks for traps in."""
        return self.job.folder / "traps"

    def start(self, name: str = "") -> Pod:
        """Start a new pod, or the next process of the one named."""
        name = name or f"pod-{len(self.pods)}"
        settings = json.dumps({**self.job.settings, "USER_AGENT": name})
        worker = self.job.start(CRAWLFLEET_POD_UID=name, CRAWLFLEET_SPIDER_SETTINGS=settings)
        for pod in self.pods:
            if pod.name == name:
                pod.worker = worker
                return pod
        self.pods.append(Pod(name, worker))
        return self.pods[-1]

    def running(self) -> list[Pod]:
        """Return the pods that run and are meant to."""
        return [pod for pod in self.pods if pod.runs and pod.wanted]

    def kill(self, pod: Pod) -> None:
        """SIGKILL, and wait until the process is gone."""
        pod.worker.process.send(signal.SIGKILL)
        wait_for_code(pod.worker.process, 10)

    def set_trap(self, name: str) -> None:
        """Put up a trap: the next worker that comes by dies (see the spider)."""
        (self.traps / name).touch()

    def caught(self, name: str) -> list[tuple[str, Pod]]:
        """Return what was caught in a trap so far: the page's URL, and the pod whose worker died of it."""
        file = self.traps / f"{name}.caught"
        words = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        pods = {pod.name: pod for pod in self.pods}
        return [(word["url"], pods[word["pod"]]) for word in words]


@contextmanager
def staged(scenario: Scenario, zygote: Zygote) -> Iterator[Scene]:
    """Set up a run: servers up, both stores made, no worker yet; everything is gone at the end."""
    drawn = graph.draw(scenario.seed, scenario.pages, scenario.hosts)
    folder = Path(tempfile.mkdtemp(prefix="crawlfleet-chaos-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        clock = stack.enter_context(movable_clock()) if "clock-step" in scenario.faults else None
        server = stack.enter_context(_server(scenario, clock))
        proxy = None
        if {"lost-replies", "stalled-connection"} & set(scenario.faults):
            proxy = stack.enter_context(faulty_proxy(server.port, always(Fate.PASS)))
        site = stack.enter_context(running_site(drawn))
        job = _job(scenario, server, site, folder, proxy)
        stack.callback(job.close)
        job.zygote = zygote
        yield Scene(scenario, server, site, job, clock, proxy)


def _server(scenario: Scenario, clock: MovableClock | None) -> Any:  # noqa: ANN401 - a context manager
    """Run a server with what the operator sets for a managed one."""
    options = ("--appendfsync", "everysec", "--auto-aof-rewrite-percentage", "0")
    environment = clock.environment if clock else None
    return frontier_server(scenario.server, *options, appendonly=True, environment=environment)


def _job(scenario: Scenario, server: RedisServer, site: Site, folder: Path, proxy: FaultyProxy | None) -> FrontierJob:
    start = site.url(graph.start_of(site.graph))
    arguments = {"traps": str(folder / "traps")}
    (folder / "traps").mkdir()
    job = FrontierJob(
        server,
        folder,
        spider="maze",
        arguments=arguments | ({"start": start} if scenario.seeds == "Spider" else {}),
        settings={"RETRY_TIMES": str(graph.RETRY_TIMES), "CONCURRENT_REQUESTS": str(scenario.concurrency)},
        seeds={"type": scenario.seeds} | ({"key": USERS_KEY} if scenario.seeds == "RedisKey" else {}),
        project=PROJECT,
        redis_url=f"redis://127.0.0.1:{proxy.port}" if proxy else "",
    )
    urls = [] if scenario.seeds == "Spider" else [start]
    return job.create(urls, scenario.delay_ms, scenario.slots, max_losses=MAX_LOSSES)
