"""A job's way through a whole operator process, with cluster and Redis in memory."""

import asyncio
import itertools

import pytest

from crawlfleet import names
from crawlfleet import reconcile as reconcile_module
from crawlfleet.ports import Conflict, Gone
from tests import builders as b
from tests.fakes import FakeCluster, FakeFrontier
from tests.unit import virtual_time
from tests.unit.operator_world import KEY, World


@pytest.fixture
def monotonic(monkeypatch):
    """Monotonic time in the test's hand, for the verification at each resync."""
    clock = {"now": 5000.0}
    monkeypatch.setattr(reconcile_module.time, "monotonic", lambda: clock["now"])
    return clock


async def crawling(spec=None, *, queued=30000, **metadata):
    """A world in which the job crawls at rest: seven workers, nothing to write."""
    world = World()
    world.create(b.job(b.INLINE | (spec or {}), **metadata))
    await world.look()
    await world.look()
    redis = world.frontier.of(b.UID)
    redis.sentinel["first_beat_at"] = "1"
    redis.start_urls, redis.queued = 0, queued
    await world.settle()
    world.cluster.writes.clear()
    world.cluster.reads.clear()
    world.frontier.writes.clear()
    return world


async def finished(world):
    """Look until the job has come to its end."""
    for _ in range(15):
        if world.job.finished:
            return
        await world.look()
    raise AssertionError(world.job.status)


async def test_a_job_from_its_creation_to_its_end():
    world = World()
    world.create(b.job(b.INLINE))
    await world.settle()
    assert world.frontier.writes == [("prepare", b.UID)]
    assert world.replicas == 1, "the first worker"
    redis = world.frontier.of(b.UID)
    redis.sentinel["first_beat_at"] = "1"
    redis.start_urls, redis.queued = 0, 30000
    await world.settle()
    assert world.replicas == 7
    redis.queued, redis.counters["requests_done"] = 0, 30000
    await world.look()
    assert not world.job.finished
    for _ in range(11):
        await world.look()
    assert world.job.is_true("Complete")
    assert world.job.status["frontier"]["done"] == 30000
    assert world.replicas == 0
    await world.settle()


@pytest.mark.parametrize("spec", [{}, b.INLINE, b.REDIS_KEY, b.EXTERNAL, {"suspend": True}])
@pytest.mark.parametrize("away", [b.AWAY, None])
async def test_a_plan_carried_out_leaves_nothing_to_do(spec, away):
    world = World()
    world.frontier.away = away
    world.create(b.job(spec))
    await world.settle()
    writes = len(world.cluster.writes)
    for _ in range(3):
        assert await world.look(0.1) == "unchanged"
    world.see_children()
    assert await world.look(0.1) == "unchanged"
    assert len(world.cluster.writes) == writes


async def test_one_status_write_per_change():
    world = await crawling()
    world.frontier.of(b.UID).queued = 40000
    await world.look()
    assert world.cluster.writes == [("apply", "Deployment", "books-worker"), ("status", "CrawlJob", "books")]
    await world.settle()
    assert len(world.cluster.writes) == 2, "a no-op apply or status is not sent"


async def test_at_rest_nothing_is_read_of_the_cluster():
    world = await crawling()
    for _ in range(20):
        await world.look()
    assert world.cluster.reads == []


async def test_every_job_is_verified_at_each_resync(monotonic):
    world = await crawling()
    world.cluster.objects.pop(("Service", "crawls", "books-redis"))  # no watch showed it
    await world.look()
    assert world.cluster.writes == []
    monotonic["now"] += 301
    await world.look()
    assert world.cluster.writes == [("apply", "Service", "books-redis")]


async def test_a_cache_that_shows_less_than_there_is_causes_no_write():
    world = await crawling()
    deployment = world.cluster.objects["Deployment", "crawls", "books-worker"]
    world.cache.drop_child(deployment)
    assert await world.look() == "unchanged"
    assert world.cluster.writes == []
    assert ("get", "Deployment") in world.cluster.reads, "it looked live before it acted"
    assert world.cache.children(world.job, secret_exists=True).replicas == 7


async def test_a_cache_that_still_shows_a_deleted_job_writes_nothing():
    world = await crawling()
    world.cluster.remove("CrawlJob", "crawls", "books")  # no watch showed it
    world.frontier.of(b.UID).queued = 0
    with pytest.raises(Gone):
        await world.look()
    assert world.cluster.writes == []
    assert world.cache.job(KEY) is None
    assert await world.look() == "unchanged"


async def test_a_cache_that_shows_the_job_before_of_this_name_writes_nothing():
    world = await crawling()
    world.cluster.remove("CrawlJob", "crawls", "books")
    world.cluster.put(b.job(b.INLINE, uid="second").body)
    world.frontier.of(b.UID).queued = 0
    with pytest.raises(Gone, match="another job"):
        await world.look()
    assert world.cluster.writes == []
    assert world.frontier.writes == []


async def test_workers_of_a_cache_that_lags_behind_are_not_forgotten():
    world = await crawling()
    world.cluster.put(b.pod(world.job, "w1", state=b.running()))  # no watch showed it
    world.frontier.of(b.UID).workers["w1:r1"] = b.beat("w1", age=9, in_flight=3)
    await world.look()
    assert world.frontier.writes == []


async def test_nothing_is_completed_by_a_cached_look():
    world = await crawling(queued=1)
    world.cluster.put(b.pod(world.job, "w1", state=b.running()))  # no watch showed it
    redis = world.frontier.of(b.UID)
    redis.queued = 0
    redis.workers["w1:r1"] = b.beat("w1", age=9, in_flight=3)
    for _ in range(15):
        await world.look()
    assert not world.job.finished


async def test_deletion_of_an_external_job_removes_workers_then_keys_then_the_finalizer():
    world = await crawling(b.EXTERNAL)
    assert world.job.finalizers == (names.FINALIZER,)
    pod = world.cluster.put(b.pod(world.job, "w1", state=b.running()))
    body = world.cluster.objects["CrawlJob", "crawls", "books"]
    world.watcher.on_job("MODIFIED", world.cluster.put(b.merged(body, {"metadata": {"deletionTimestamp": b.stamp()}})))
    await world.look()
    await world.look()
    assert world.frontier.writes == [], "a worker still stands"
    assert ("Deployment", "crawls", "books-worker") not in world.cluster.objects
    assert world.cluster.objects["Pod", "crawls", "books-w1"]["metadata"]["deletionGracePeriodSeconds"] == 10
    world.cluster.remove("Pod", "crawls", "books-w1")
    world.watcher.on_child("DELETED", pod)
    await world.look()
    assert world.frontier.writes == [("drop", b.UID)]
    assert ("CrawlJob", "crawls", "books") not in world.cluster.objects


async def test_a_stranger_of_the_workers_name_is_not_deleted():
    world = await crawling(b.EXTERNAL)
    world.cluster.put(b.pod(world.job, "w1", state=b.running()))
    stranger = b.merged(b.deployment(world.job), {"metadata": {"ownerReferences": None, "uid": "stranger"}})
    world.cluster.put(stranger)
    body = world.cluster.objects["CrawlJob", "crawls", "books"]
    world.watcher.on_job("MODIFIED", world.cluster.put(b.merged(body, {"metadata": {"deletionTimestamp": b.stamp()}})))
    await world.look()
    assert world.cluster.objects["Deployment", "crawls", "books-worker"]["metadata"]["uid"] == "stranger"


async def test_the_pods_of_a_deleted_job_are_hastened_until_they_are_gone():
    world = await crawling()
    job = world.job
    staying = world.cluster.put(b.pod(job, "stays", state=b.running()))
    leaves = {"deletionTimestamp": b.stamp(), "deletionGracePeriodSeconds": 3600}
    world.cluster.put(b.pod(job, "leaves", state=b.running(), **leaves))
    quick = {"deletionTimestamp": b.stamp(), "deletionGracePeriodSeconds": 10}
    world.cluster.put(b.pod(job, "quick", state=b.running(), **quick))
    world.watcher.on_job("DELETED", job.body)
    assert await world.look() == "unchanged"
    assert world.cluster.writes == [("delete", "Pod", "books-leaves")]
    assert world.frontier.released == [job.uid]
    world.cluster.writes.clear()
    staying["metadata"] |= leaves
    world.cluster.put(staying)
    await world.look()
    assert world.cluster.writes == [("delete", "Pod", "books-stays")]
    for name in ("stays", "leaves", "quick"):
        world.cluster.remove("Pod", "crawls", f"books-{name}")
    await world.look()
    reads = len(world.cluster.reads)
    await world.look()
    assert len(world.cluster.reads) == reads, "the job is forgotten"


async def test_a_failing_api_server_does_not_end_the_clearing():
    world = await crawling()
    leaves = {"deletionTimestamp": b.stamp(), "deletionGracePeriodSeconds": 3600}
    world.cluster.put(b.pod(world.job, "leaves", state=b.running(), **leaves))
    world.watcher.on_job("DELETED", world.job.body)
    world.cluster.broken["list"] = OSError("refused")
    with pytest.raises(OSError, match="refused"):
        await world.look()
    world.cluster.broken.clear()
    await world.look()
    assert world.cluster.writes == [("delete", "Pod", "books-leaves")]


async def test_a_job_deleted_during_its_reconcile_does_not_come_back():
    world = await crawling()

    class DeletedMeanwhile(FakeCluster):
        async def patch_status(self, job, status):
            stored = await super().patch_status(job, status)
            world.watcher.on_job("DELETED", stored)
            return stored

    world.cluster.__class__ = DeletedMeanwhile
    world.frontier.of(b.UID).queued = 40000
    await world.look()
    assert world.cache.job(KEY) is None
    assert "books" not in str(list(world.measures.registry.collect()))


async def test_a_job_deleted_during_its_live_look_does_not_come_back():
    world = await crawling()

    class DeletedMeanwhile(FakeCluster):
        async def get(self, kind, namespace, name):
            body = await super().get(kind, namespace, name)
            if kind == "CrawlJob":
                world.watcher.on_job("DELETED", body)
            return body

    world.cluster.__class__ = DeletedMeanwhile
    world.frontier.of(b.UID).queued = 40000
    assert await world.look() == "unchanged"
    assert world.cache.job(KEY) is None
    assert world.cluster.writes == []


async def test_ttl_deletes_this_job_and_no_other():
    world = await crawling({"ttlSecondsAfterFinished": 5}, queued=0)
    await finished(world)
    world.cluster.put(b.job(uid="second").body)  # the same name, applied again; no watch showed it
    with pytest.raises(Gone):
        await world.look(5)
    assert world.cluster.job().uid == "second"


async def test_ttl_deletes():
    world = await crawling({"ttlSecondsAfterFinished": 5}, queued=0)
    await finished(world)
    await world.look(4)
    assert world.job.finished
    await world.look(1)
    assert ("CrawlJob", "crawls", "books") not in world.cluster.objects
    assert world.cluster.writes[-1] == ("delete", "CrawlJob", "books")


async def test_a_claim_that_cannot_bind_is_named_with_the_provisioners_words():
    world = World()
    world.frontier.away = b.AWAY
    world.create(b.job(b.INLINE))
    await world.look()
    message = "pod has unbound immediate PersistentVolumeClaims"
    scheduled = {"status": "False", "message": message, "lastTransitionTime": b.stamp(9)}
    world.cluster.put(b.pod(world.job, component=names.REDIS, phase="Pending", scheduled=scheduled))
    world.cluster.claims = ['storageclass "fast" not found']
    world.see_children()
    await world.look()
    condition = world.job.condition("Progressing")
    assert condition["reason"] == "VolumeNotBound"
    assert 'storageclass "fast" not found' in condition["message"]
    await world.settle()
    world.cluster.remove("Pod", "crawls", "books-pod-1")
    world.frontier.away = None
    world.reconciler.deleted(KEY, "nobody")
    world.watcher.on_child("DELETED", b.pod(world.job, component=names.REDIS))
    await world.look()
    assert world.job.condition("Progressing")["status"] == "True"


# failures, in virtual time


class Loop:
    """The reconcile loop of a world, run in virtual time."""

    def __init__(self, world):
        self.world = world
        self._tasks = [asyncio.create_task(world.reconciler.work()) for _ in range(3)]

    async def run(self, seconds):
        for _ in range(int(seconds * 10)):
            await asyncio.sleep(0.1)
            self.world.clock.advance(0.1)
        assert not any(task.done() for task in self._tasks)

    def results(self):
        registry = self.world.measures.registry
        return {
            result: registry.get_sample_value("crawlfleet_operator_reconciles_total", {"result": result})
            for result in ("unchanged", "changed", "failed")
        }


def test_the_loop_brings_a_job_up_by_itself():
    async def scenario():
        world = World()
        world.create(b.job(b.INLINE))
        loop = Loop(world)
        await loop.run(5)
        assert world.replicas == 1
        assert loop.results()["changed"] == 2
        assert loop.results()["failed"] == 0

    virtual_time.run(scenario())


@pytest.mark.parametrize("error", [Conflict("modified"), Gone("away")])
def test_a_conflict_is_no_failure_and_tried_again_soon(error):
    async def scenario():
        world = World()
        world.cluster.broken["patch_status"] = error
        world.create(b.job(b.INLINE))
        loop = Loop(world)
        await loop.run(2)
        assert loop.results()["failed"] == 0
        world.cluster.broken.clear()
        await loop.run(3)
        assert world.job.status["phase"] == "Pending"

    virtual_time.run(scenario())


def test_a_failing_job_is_tried_again_with_back_off_and_counted():
    async def scenario():
        world = World()
        world.frontier.broken["look"] = OSError()
        world.create(b.job(b.INLINE))
        loop = Loop(world)
        await loop.run(30)
        registry = world.measures.registry
        failures = registry.get_sample_value("crawlfleet_operator_reconcile_errors_total", {"error": "OSError"})
        assert failures == loop.results()["failed"] == 6, "at 0, 0.5, 1.5, 3.5, 7.5, 15.5 s"
        world.frontier.broken.clear()
        await loop.run(33)
        assert world.replicas == 1

    virtual_time.run(scenario())


def test_a_deleted_job_is_cleared_each_second():
    async def scenario():
        world = World()
        world.create(b.job(b.INLINE))
        loop = Loop(world)
        await loop.run(2)
        pod = world.cluster.put(b.pod(world.job, "w1", state=b.running()))
        world.cluster.remove("CrawlJob", "crawls", "books")
        world.cluster.reads.clear()
        world.watcher.on_job("DELETED", {**b.job().body})
        await loop.run(5)
        assert 4 <= len(world.cluster.reads) <= 6
        world.cluster.remove("Pod", "crawls", pod["metadata"]["name"])
        await loop.run(2)
        world.cluster.reads.clear()
        await loop.run(5)
        assert world.cluster.reads == []

    virtual_time.run(scenario())


# two processes


@pytest.mark.parametrize("order", list(itertools.product("ab", repeat=4))[1:-1:3])
async def test_two_processes_come_to_the_same_end(order):
    cluster, frontier = FakeCluster(), FakeFrontier()
    one, other = World(cluster, frontier), World(cluster, frontier)
    for world in (one, other):
        world.watcher.on_job("ADDED", cluster.put(b.job(b.INLINE).body))

    async def turns(number):
        for name in itertools.islice(itertools.cycle(order), number):
            world = one if name == "a" else other
            world.watcher.on_job("MODIFIED", cluster.job().body)
            world.see_children()
            try:
                await world.look()
            except Conflict:
                continue

    await turns(10)
    assert one.replicas == 1
    redis = frontier.of(b.UID)
    redis.sentinel["first_beat_at"] = "1"
    redis.start_urls, redis.queued = 0, 30000
    await turns(10)
    assert one.replicas == 7
    writes = len(cluster.writes)
    await turns(20)
    assert len(cluster.writes) == writes, "they do not write against each other"
    redis.queued, redis.counters["requests_done"] = 0, 30000
    await turns(40)
    assert one.job.is_true("Complete")
    assert one.replicas == 0
    assert frontier.writes == [("prepare", b.UID)]
    assert sum(kind == "Secret" for _, kind, _ in cluster.writes) == 1


async def test_a_fresh_process_takes_over_without_a_write():
    old = await crawling()
    fresh = World(old.cluster, old.frontier)
    fresh.watcher.on_job(None, old.job.body)
    fresh.see_children()
    for _ in range(3):
        assert await fresh.look(0.1) == "unchanged"
    assert old.cluster.writes == []


async def test_a_fresh_process_does_not_shrink_at_once():
    old = await crawling()
    old.frontier.of(b.UID).queued = 10
    fresh = World(old.cluster, old.frontier)
    fresh.watcher.on_job(None, old.job.body)
    fresh.see_children()
    await fresh.look()
    await fresh.look(58)
    assert fresh.replicas == 7
    await fresh.look(2)
    assert fresh.replicas == 1
