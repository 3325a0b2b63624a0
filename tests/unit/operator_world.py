"""A whole operator process against a cluster and Redises in memory; the test decides when its watches see something."""

from prometheus_client import CollectorRegistry

from crawlfleet.cache import Cache, Key
from crawlfleet.job import Job
from crawlfleet.measures import Measures
from crawlfleet.reconcile import Reconciler
from crawlfleet.watching import Watcher
from crawlfleet.work_queue import WorkQueue
from tests import builders as b
from tests.fakes import FakeCluster, FakeFrontier

KEY: Key = ("crawls", "books")
WATCHED = ("Deployment", "StatefulSet", "Service", "Pod")


class World:
    """One operator process; several may share a cluster and a frontier."""

    def __init__(self, cluster: FakeCluster | None = None, frontier: FakeFrontier | None = None) -> None:
        self.cluster = cluster or FakeCluster()
        self.frontier = frontier or FakeFrontier()
        self.clock = self.cluster.clock
        self.cache = Cache()
        self.queue: WorkQueue[Key] = WorkQueue()
        self.measures = Measures(CollectorRegistry(), lambda: len(self.queue))
        self.reconciler = Reconciler(
            self.cluster, self.frontier, self.cache, self.queue, b.SETTINGS, self.measures, resync_seconds=300
        )
        self.watcher = Watcher(self.cache, self.queue, self.reconciler, "default")

    def create(self, job: Job) -> None:
        """Store a job as `kubectl apply` would, seen by the watch."""
        self.watcher.on_job("ADDED", self.cluster.put(job.body))

    def edit(self, patch: dict, name: str = "books") -> None:
        """Change a job's spec as a user would, seen by the watch."""
        body = self.cluster.objects["CrawlJob", "crawls", name]
        body = b.merged(body, patch)
        body["metadata"]["generation"] += 1
        self.watcher.on_job("MODIFIED", self.cluster.put(body))

    def see_children(self) -> None:
        """Have the watches show all children as they are."""
        for body in list(self.cluster.objects.values()):
            if body["kind"] in WATCHED:
                self.watcher.on_child("MODIFIED", body)

    async def look(self, seconds: float = 1.0, key: Key = KEY) -> str:
        """Let time pass, and reconcile once."""
        self.clock.advance(seconds)
        return await self.reconciler.reconcile(key)

    async def settle(self, looks: int = 12) -> None:
        """Look until twice nothing changes."""
        quiet = 0
        for _ in range(looks):
            quiet = quiet + 1 if await self.look() == "unchanged" else 0
            if quiet == 2:
                return
        raise AssertionError(f"no rest after {looks} looks: {self.cluster.writes[-6:]}")

    @property
    def job(self) -> Job:
        """The job as stored."""
        return self.cluster.job()

    @property
    def replicas(self) -> int:
        """What the worker Deployment asks for."""
        return int(self.cluster.objects["Deployment", "crawls", "books-worker"]["spec"]["replicas"])
