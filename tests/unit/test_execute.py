"""Plans carried out: in which order, how often, and what another's write does to them."""

import pytest

from crawlfleet import names
from crawlfleet.actions import (
    Apply,
    CreateRedisSecret,
    DeleteJob,
    DropKeys,
    ForgetWorkers,
    PrepareFrontier,
    ReplayDead,
    SetFinalizers,
)
from crawlfleet.children import redis as redis_children
from crawlfleet.children import worker as worker_children
from crawlfleet.execute import Executor
from crawlfleet.frontier_spec import Replay
from crawlfleet.notes import Note
from crawlfleet.plans import Plan
from crawlfleet.ports import Conflict, Gone
from tests import builders as b
from tests.fakes import FakeCluster, FakeFrontier


def stage(job=None):
    cluster, frontier = FakeCluster(), FakeFrontier()
    stored = cluster.put((job or b.job()).body)
    return cluster, frontier, Executor(cluster, frontier, b.SETTINGS), type(b.job())(stored)


NOTE = Note("Normal", "CrawlFinished", "done")


async def test_actions_then_one_status_then_events():
    cluster, frontier, executor, job = stage()
    order = []
    cluster.writes = frontier.writes = order
    cluster.notes = order
    actions = (
        CreateRedisSecret(),
        Apply(redis_children.service(job)),
        Apply(worker_children.deployment(job, 2)),
        PrepareFrontier("unseeded", ()),
        ForgetWorkers(("w:1",)),
    )
    done = await executor.carry_out(job, Plan(actions, status={"phase": "Running"}, notes=(NOTE,)))
    assert order == [
        ("create", "Secret", "books-redis"),
        ("apply", "Service", "books-redis"),
        ("apply", "Deployment", "books-worker"),
        ("prepare", b.UID),
        ("forget", b.UID),
        ("status", "CrawlJob", "books"),
        NOTE,
    ]
    assert done.job.status == {"phase": "Running"}
    assert done.job.resource_version != job.resource_version
    assert [child["kind"] for child in done.children] == ["Service", "Deployment"]
    assert done.memory.applied_generations == {"Service": 0, "Deployment": 1}


async def test_an_unchanged_status_is_not_sent():
    cluster, _, executor, job = stage(b.job(status={"phase": "Running"}))
    await executor.carry_out(job, Plan(status={"phase": "Running"}))
    await executor.carry_out(job, Plan(status=None))
    assert cluster.writes == []


async def test_no_event_where_the_status_was_refused():
    cluster, _, executor, job = stage()
    cluster.put(b.merged(job.body, {"metadata": {"labels": {"a": "b"}}}))
    with pytest.raises(Conflict):
        await executor.carry_out(job, Plan(status={"phase": "Running"}, notes=(NOTE,)))
    assert cluster.notes == []
    assert cluster.job().status == {}


async def test_finalizers_and_status_in_one_go():
    cluster, _, executor, job = stage(b.job(b.EXTERNAL))
    await executor.carry_out(job, Plan((SetFinalizers((names.FINALIZER,)),), status={"phase": "Pending"}))
    assert cluster.job().finalizers == (names.FINALIZER,)
    assert cluster.job().status == {"phase": "Pending"}


async def test_keys_go_before_the_finalizer():
    job = b.job(b.EXTERNAL, finalizers=[names.FINALIZER], deletionTimestamp=b.stamp())
    cluster, frontier, executor, job = stage(job)
    plan = Plan((DropKeys(), SetFinalizers(())))
    frontier.broken["drop"] = OSError("refused")
    with pytest.raises(OSError, match="refused"):
        await executor.carry_out(job, plan)
    assert cluster.job().finalizers == (names.FINALIZER,)
    frontier.broken.clear()
    await executor.carry_out(job, plan)
    assert cluster.objects == {}


async def test_an_action_that_is_not_through_holds_those_after_it():
    job = b.job(b.EXTERNAL, finalizers=[names.FINALIZER], deletionTimestamp=b.stamp())
    cluster, frontier, executor, job = stage(job)
    frontier.drops_to_go = 2
    plan = Plan((DropKeys(), SetFinalizers(())))
    for _ in range(2):
        assert (await executor.carry_out(job, plan)).halted
        assert cluster.job().finalizers == (names.FINALIZER,)
    assert not (await executor.carry_out(job, plan)).halted
    assert cluster.objects == {}


async def test_a_replay_that_is_through_is_remembered():
    _, _, executor, job = stage()
    replay = ReplayDead(Replay("7"), "5")
    done = await executor.carry_out(job, Plan((replay,)))
    assert done.memory.replayed == "7"
    assert not done.halted


async def test_no_status_for_a_job_that_is_deleted():
    cluster, _, executor, job = stage()
    done = await executor.carry_out(job, Plan((DeleteJob(),), status={"phase": "Complete"}))
    assert done.gone
    assert cluster.writes == [("delete", "CrawlJob", "books")]


async def test_the_next_job_of_this_name_is_not_deleted():
    cluster, _, executor, job = stage()
    cluster.put(b.job(uid="second").body)
    await executor.carry_out(job, Plan((DeleteJob(),)))
    assert cluster.job().uid == "second"


async def test_a_password_is_made_once():
    cluster, _, executor, job = stage()
    await executor.carry_out(job, Plan((CreateRedisSecret(),)))
    first = cluster.objects["Secret", "crawls", "books-redis"]["stringData"]["password"]
    assert len(first) == 48
    await executor.carry_out(job, Plan((CreateRedisSecret(),)))
    assert cluster.objects["Secret", "crawls", "books-redis"]["stringData"]["password"] == first
    assert ("apply", "Secret", "books-redis") not in cluster.writes


async def test_the_secret_of_the_job_before_is_not_taken_over():
    cluster, _, executor, job = stage()
    cluster.put(redis_children.secret(b.job(uid="before"), "old", {}))
    with pytest.raises(Conflict):
        await executor.carry_out(job, Plan((CreateRedisSecret(),)))


async def test_a_job_that_is_gone_stops_the_plan():
    cluster, _, executor, job = stage()
    cluster.remove("CrawlJob", "crawls", "books")
    with pytest.raises(Gone):
        await executor.carry_out(job, Plan(status={"phase": "Running"}, notes=(NOTE,)))
    assert cluster.notes == []
