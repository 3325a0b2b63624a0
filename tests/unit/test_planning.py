"""One look in, one plan out; and plans carried out against a cluster in memory until nothing is left to do."""

from dataclasses import replace

import pytest

from crawlfleet import names
from crawlfleet.actions import (
    Apply,
    CreateRedisSecret,
    DeleteJob,
    DeleteWorkers,
    DropKeys,
    ForgetWorkers,
    PrepareFrontier,
    SetFinalizers,
)
from crawlfleet.conditions import Condition, ConditionType, Reason
from crawlfleet.departure import KEYS_PATIENCE_SECONDS
from crawlfleet.job import Job
from crawlfleet.observed import Children, JobMemory
from crawlfleet.planning import plan as plan_with
from crawlfleet.plans import Plan, PlanSettings
from tests import builders as b
from tests.builders import NOW

NOTHING = Children()


def plan(job, frontier, children=None, **kwargs) -> Plan:
    return plan_with(b.observed(job, frontier, children, **kwargs), b.SETTINGS)


def kinds(planned):
    return [action.body["kind"] if isinstance(action, Apply) else type(action) for action in planned.actions]


def condition(planned, type_):
    return next(c for c in planned.status["conditions"] if c["type"] == type_)


def replicas_of(planned):
    return next(
        (
            a.body["spec"]["replicas"]
            for a in planned.actions
            if isinstance(a, Apply) and a.body["kind"] == "Deployment"
        ),
        None,
    )


def written(job, planned):
    """The job with the plan's status on it."""
    return Job({**job.body, "status": planned.status})


def at_rest(job, frontier, children=None, memory=None):
    """The job after the operator's own writes for this look, and its memory."""
    memory = memory or JobMemory(watched_since=NOW - 1000)
    for _ in range(3):
        planned = plan(job, frontier, children, memory=memory)
        job, memory = written(job, planned), planned.memory
    return job, memory


# what a new job gets


def test_a_new_managed_job():
    planned = plan(b.job(), b.AWAY, NOTHING)
    assert kinds(planned) == [CreateRedisSecret, "Service", "StatefulSet", "Deployment"]
    assert replicas_of(planned) == 0, "no worker before Redis answers"
    assert planned.status["phase"] == "Pending"
    assert planned.status["startTime"] == b.stamp()
    assert planned.status["observedGeneration"] == 1
    assert condition(planned, "Progressing")["reason"] == "Starting"


def test_the_finalizer_stands_before_the_first_key():
    planned = plan(b.job(b.EXTERNAL), b.answer(sentinel={}), NOTHING)
    assert kinds(planned) == [SetFinalizers, "Deployment", PrepareFrontier]
    assert planned.actions[0].finalizers == (names.FINALIZER,)


def test_finalizers_of_others_are_kept():
    job = b.job(b.EXTERNAL, finalizers=["acme.io/archive"])
    assert SetFinalizers(("acme.io/archive", names.FINALIZER)) in plan(job, b.answer(), NOTHING).actions


@pytest.mark.parametrize(
    ("spec", "action"),
    [
        ({}, PrepareFrontier("unseeded", ())),
        (b.INLINE, PrepareFrontier("seeded", ("http://a.example/", "http://b.example/"))),
        (b.REDIS_KEY, PrepareFrontier("unseeded", ())),
    ],
)
def test_seeds_go_in_once(spec, action):
    job = b.job(spec)
    assert plan(job, b.answer(sentinel={})).actions == (action,)
    known = b.job(spec, conditions=(b.INTACT,))
    planned = plan(known, b.answer(sentinel={}))
    assert PrepareFrontier not in kinds(planned)
    assert condition(planned, "FrontierIntact")["reason"] == "SentinelMissing"
    assert planned.status["phase"] == "Blocked"


def test_a_job_that_is_suspended_from_the_start_gets_nothing():
    for frontier in (b.AWAY, b.answer(sentinel={})):
        for spec in ({"suspend": True}, {"suspend": True, **b.EXTERNAL}):
            planned = plan(b.job(spec), frontier, NOTHING)
            assert planned.actions == ()
            assert planned.status["phase"] == "Suspended"
            assert "startTime" not in planned.status


def test_suspension_stops_the_workers_and_keeps_redis():
    job = b.job({"suspend": True})
    planned = plan(job, b.answer(100), b.children(job, 5))
    assert kinds(planned) == ["Deployment"]
    assert replicas_of(planned) == 0
    assert condition(planned, "Progressing")["reason"] == "Suspended"
    assert planned.memory.idle_since is None


def test_resumed():
    suspended = Condition(ConditionType.SUSPENDED, True, Reason.SUSPENDED, "")
    job = b.job(conditions=(suspended, b.blocked_by(Reason.SUSPENDED), b.INTACT), since=500)
    planned = plan(job, b.answer(10), b.children(job, 0))
    assert replicas_of(planned) == 1
    assert condition(planned, "Suspended")["status"] == "False"
    assert planned.status["phase"] == "Running"


# what is held, what is not


@pytest.mark.parametrize("replicas", [0, 1, 7])
def test_a_gap_of_redis_holds_everything(replicas):
    job, memory = at_rest(b.job(b.INLINE), b.answer(30000), b.children(b.job(b.INLINE), replicas))
    planned = plan(job, b.AWAY, b.children(job, replicas), memory=memory)
    assert not planned.decides(job)
    assert planned.memory.unobservable_since == NOW
    later = plan(job, b.AWAY, b.children(job, replicas), memory=planned.memory, now=NOW + 10)
    assert later.actions == ()
    assert condition(later, "FrontierObservable")["status"] == "False"
    assert condition(later, "Progressing")["reason"] == "RedisUnreachable"
    assert condition(later, "ScalingLimited")["reason"] == "FrontierUnknown"


def test_a_gap_in_mid_idling_starts_the_wait_anew():
    job, memory = at_rest(b.job(b.INLINE), b.answer(done=5), b.children(b.job(), 0))
    assert memory.idle_since == NOW
    planned = plan(job, b.AWAY, b.children(job, 0), memory=memory, now=NOW + 9)
    again = plan(job, b.answer(done=5), b.children(job, 0), memory=planned.memory, now=NOW + 11)
    assert again.status.get("completionTime") is None


def test_a_gap_in_suspension_is_forgotten_with_it():
    job = b.job({"suspend": True})
    gap = plan(job, b.AWAY, b.children(job, 0)).memory
    assert gap.unobservable_since == NOW
    assert plan(job, b.answer(), b.children(job, 0), memory=gap).memory.unobservable_since is None


def test_a_fatal_reason_stands_in_the_status_before_the_workers_go():
    job = b.job(b.INLINE, conditions=(b.INTACT, b.CRAWLING))
    bad = b.pod(job, state=b.terminated(65, "no spider 'bocks'"))
    first = plan(job, b.answer(5), b.children(job, 1, worker_pods=(bad,)))
    assert first.actions == ()
    assert condition(first, "Progressing")["message"] == "no spider 'bocks'"
    assert first.look_again == 0
    job = written(job, first)
    second = plan(job, b.answer(5), b.children(job, 1, worker_pods=(bad,)))
    assert replicas_of(second) == 0
    assert second.look_again >= 1


def test_a_fatal_reason_holds_the_workers_at_zero():
    job = b.job(b.INLINE, conditions=(b.INTACT, b.blocked_by(Reason.SPIDER_NOT_FOUND, "no spider")))
    for frontier in (b.answer(5), b.AWAY):
        planned = plan(job, frontier, b.children(job, 0))
        assert planned.actions == ()
        assert condition(planned, "Progressing")["message"] == "no spider"
    mended = Job(b.merged(job.body, {"metadata": {"generation": 2}}))
    assert replicas_of(plan(mended, b.answer(5), b.children(job, 0))) == 1


def test_a_foreign_layout_stops_the_workers():
    job = b.job(b.INLINE, conditions=(b.INTACT, b.CRAWLING))
    other = b.answer(sentinel={"uid": b.UID, "layout": "other"})
    planned = plan(job, other, b.children(job, 3))
    job = written(job, planned)
    assert replicas_of(plan(job, other, b.children(job, 3))) == 0
    assert replicas_of(plan(job, b.answer(5), b.children(job, 0))) == 1


# the end


def test_complete():
    job = b.job(b.INLINE, conditions=(b.INTACT, b.CRAWLING))
    counters = {"pages:2xx": 1234, "pages:4xx": 11, "errors:http_4xx": 11, "items": 999}
    look = b.answer(done=1245, seen=1250, counters=counters)
    memory = JobMemory(idle_since=NOW - 10, idle_mark=1245, idle_looks=1)
    planned = plan(job, look, b.children(job, 1), memory=memory)
    assert replicas_of(planned) == 0
    assert planned.status["phase"] == "Complete"
    assert planned.status["completionTime"] == b.stamp()
    assert condition(planned, "Complete")["reason"] == "CrawlFinished"
    assert condition(planned, "Progressing")["reason"] == "Finished"
    assert planned.status["frontier"] == {
        "observedTime": b.stamp(),
        "queued": 0,
        "inFlight": 0,
        "done": 1245,
        "seen": 1250,
        "pages": 1245,
        "errors": 11,
        "items": 999,
    }
    assert [(note.type, note.reason) for note in planned.notes] == [("Normal", "CrawlFinished")]


def test_the_last_worker_must_have_nothing_in_hand():
    job = b.job(b.INLINE, conditions=(b.INTACT, b.CRAWLING))
    memory = JobMemory(idle_since=NOW - 10, idle_mark=5, idle_looks=9)
    for worker in (b.beat(in_flight=1), b.beat(age=30)):
        parts = b.children(job, 1, worker_pods=(b.pod(job, state=b.running()),))
        planned = plan(job, b.answer(done=5, workers=(worker,)), parts, memory=memory)
        assert "completionTime" not in planned.status


def test_failed_after_the_deadline():
    job = b.job(b.INLINE, conditions=(b.INTACT, b.blocked_by(Reason.IMAGE_PULL_FAILED, "not found")), since=900)
    pod = b.pod(job, state=b.waiting("ErrImagePull", "not found"))
    planned = plan(job, b.answer(5), b.children(job, 1, worker_pods=(pod,)))
    assert replicas_of(planned) == 0
    assert planned.status["phase"] == "Failed"
    assert "not found" in condition(planned, "Failed")["message"]
    assert [(note.type, note.reason) for note in planned.notes] == [("Warning", "ProgressDeadlineExceeded")]


@pytest.mark.parametrize(
    "end", [b.COMPLETE, Condition(ConditionType.FAILED, True, Reason.PROGRESS_DEADLINE_EXCEEDED, "")]
)
@pytest.mark.parametrize(
    "frontier", [b.AWAY, b.answer(99999), b.answer(sentinel={}), b.answer(done=0)], ids=["away", "full", "empty", "old"]
)
@pytest.mark.parametrize("suspend", [False, True])
def test_an_end_is_never_left(end, frontier, suspend):
    finished = Condition(ConditionType.PROGRESSING, False, Reason.FINISHED, "")
    job = b.job(
        {"suspend": suspend}, conditions=(end, finished, b.INTACT), generation=2, status={"startTime": b.stamp(9)}
    )
    before = job.status["conditions"]
    planned = plan(job, frontier, b.children(job, 0))
    assert planned.actions == ()
    assert planned.status["conditions"] == before
    assert planned.status["phase"] == end.type
    assert planned.status["workers"]["desired"] == 0
    assert planned.notes == ()


def test_a_finished_job_whose_children_are_gone_gets_none_anew():
    job = b.job(conditions=(b.COMPLETE,))
    assert plan(job, b.AWAY, NOTHING).actions == ()


def test_time_to_live():
    spec = {"ttlSecondsAfterFinished": 60}
    status = {"completionTime": b.stamp(59), "startTime": b.stamp(99)}
    job = b.job(spec, conditions=(b.COMPLETE,), status=status)
    early = plan(job, b.answer(), b.children(job, 0))
    assert early.actions == ()
    assert early.look_again == 1
    late = plan(job, b.answer(), b.children(job, 0), now=NOW + 1)
    assert late.actions == (DeleteJob(),)
    assert late.status is None


# deletion


def leaving(seconds_ago=0.0, finalizers=(names.FINALIZER, "acme.io/archive")):
    return b.job(b.EXTERNAL, finalizers=list(finalizers), deletionTimestamp=b.stamp(seconds_ago))


def test_a_managed_job_is_left_to_the_garbage_collector():
    job = b.job(deletionTimestamp=b.stamp(), finalizers=["foregroundDeletion"])
    planned = plan(job, b.answer())
    assert not planned.changes(job)
    assert planned.status is None


def test_deletion_in_order():
    job = leaving()
    pod = b.pod(job, state=b.running())
    for present in (b.children(job), b.children(job, deployment=None, worker_pods=(pod,))):
        planned = plan(job, b.answer(5), present)
        assert planned.actions == (DeleteWorkers(),)
        assert planned.look_again == 1
    planned = plan(job, b.answer(5), NOTHING)
    assert planned.actions == (DropKeys(), SetFinalizers(("acme.io/archive",)))


def test_deletion_waits_a_while_for_redis():
    waiting = plan(leaving(KEYS_PATIENCE_SECONDS - 1), b.AWAY, NOTHING)
    assert waiting.actions == ()
    assert waiting.look_again == 2
    assert plan(leaving(KEYS_PATIENCE_SECONDS), b.AWAY, NOTHING).actions == (SetFinalizers(("acme.io/archive",)),)


# what is not written


@pytest.mark.parametrize("spec", [{}, b.INLINE, b.EXTERNAL, b.REDIS_KEY, {"suspend": True}])
@pytest.mark.parametrize("frontier", [b.AWAY, b.answer(), b.answer(500, done=3), b.answer(seeded=False, started=False)])
def test_nothing_is_written_at_rest(spec, frontier):
    job = b.job(spec, finalizers=[names.FINALIZER])
    desired = plan(job, frontier, memory=JobMemory(watched_since=NOW - 1000)).status["workers"]["desired"]
    present = b.children(job, desired)
    job, memory = at_rest(job, frontier, present)
    planned = plan(job, frontier, present, memory=memory)
    assert not planned.changes(job)
    assert not planned.decides(job)
    assert planned.notes == ()


@pytest.mark.parametrize(("seconds", "written_again"), [(1, False), (29, False), (30, True)])
def test_counters_alone_are_written_every_thirty_seconds(seconds, written_again):
    job, memory = at_rest(b.job(b.INLINE), b.answer(500, done=3), b.children(b.job(b.INLINE)))
    planned = plan(job, b.answer(400, done=103), b.children(job), memory=memory, now=NOW + seconds)
    assert planned.changes(job) == written_again
    assert not planned.decides(job)
    if written_again:
        assert planned.status["frontier"]["done"] == 100, "two digits"
        assert planned.status["frontier"]["observedTime"] == b.stamp(-seconds)


def test_the_time_of_observation_does_not_move_alone():
    job, memory = at_rest(b.job(b.INLINE), b.answer(500), b.children(b.job(b.INLINE)))
    planned = plan(job, b.answer(501), b.children(job), memory=memory, now=NOW + 3600)
    assert planned.status["frontier"]["observedTime"] == b.stamp()


def test_a_change_of_conditions_brings_fresh_counters():
    job, memory = at_rest(b.job(b.INLINE), b.answer(500), b.children(b.job(b.INLINE)))
    planned = plan(job, b.answer(0, done=77), b.children(job), memory=memory, now=NOW + 2)
    assert condition(planned, "Progressing")["reason"] == "Idle"
    assert planned.status["frontier"]["done"] == 77


def test_keys_of_another_type_are_no_negative_numbers():
    job = b.job(b.INLINE, conditions=(b.INTACT,))
    frontier = plan(job, b.answer(-1, start_urls=-1, seen=-1)).status["frontier"]
    assert min(number for name, number in frontier.items() if name != "observedTime") == 0


# children that others changed


def test_what_somebody_else_wrote_is_put_right():
    job = b.job(b.INLINE, conditions=(b.INTACT, b.CRAWLING))
    ours = JobMemory(applied_generations={"Deployment": 4}, watched_since=NOW - 1000)
    same = b.children(job, deployment=b.deployment(job, generation=4))
    assert plan(job, b.answer(5), same, memory=ours).actions == ()
    other = b.children(job, deployment=b.deployment(job, generation=5))
    assert kinds(plan(job, b.answer(5), other, memory=ours)) == ["Deployment"]
    scaled = b.deployment(job)
    scaled["spec"]["replicas"] = 9
    assert replicas_of(plan(job, b.answer(5), b.children(job, deployment=scaled), memory=ours)) == 1


def test_a_service_has_no_generation():
    job = b.job(b.INLINE, conditions=(b.INTACT, b.CRAWLING))
    memory = JobMemory(applied_generations={"Service": 0}, watched_since=NOW - 1000)
    assert plan(job, b.answer(5), memory=memory).actions == ()


def test_an_operator_with_other_settings_restarts_no_redis():
    job = b.job(b.INLINE, conditions=(b.INTACT, b.CRAWLING))
    for settings in (replace(b.SETTINGS, redis_image="valkey:9"), PlanSettings(b.SETTINGS.redis_image, {})):
        assert plan_with(b.observed(job, b.answer(5)), settings).actions == ()


def test_a_redis_that_somebody_scaled_is_put_right():
    job = b.job(b.INLINE, conditions=(b.INTACT, b.CRAWLING))
    stateful = b.merged(b.children(job).statefulset, {"spec": {"replicas": 0}})
    assert kinds(plan(job, b.answer(5), b.children(job, statefulset=stateful))) == ["StatefulSet"]


def test_workers_that_are_gone_are_forgotten():
    job = b.job(b.INLINE, conditions=(b.INTACT, b.CRAWLING))
    planned = plan(job, b.answer(5, workers=(b.beat("gone", age=9, in_flight=4),)))
    assert planned.actions == (ForgetWorkers(("gone:r1",)),)
    assert planned.decides(job)


# how it is told


@pytest.mark.parametrize(
    ("spec", "look", "reason"),
    [
        ({}, b.answer(seeded=False, started=False), "Starting"),
        ({}, b.answer(seeded=False), "Seeding"),
        ({}, b.answer(5), "Crawling"),
        ({}, b.answer(), "Idle"),
        (b.INLINE, b.answer(start_urls=2, started=False), "Starting"),
        (b.REDIS_KEY, b.answer(seeded=False, started=False), "Idle"),
        (b.REDIS_KEY, b.answer(seeded=False, started=False, start_urls=1), "Starting"),
        (b.REDIS_KEY, b.answer(seeded=False, start_urls=1), "Crawling"),
    ],
)
def test_progress(spec, look, reason):
    planned = plan(b.job(spec), look)
    assert condition(planned, "Progressing")["reason"] == reason
    assert planned.status["phase"] == ("Pending" if reason == "Starting" else "Running")


@pytest.mark.parametrize(
    ("memory", "frontier", "seconds"),
    [
        (JobMemory(), b.answer(5), 1),
        (JobMemory(idle_since=NOW - 110, idle_mark=0), b.answer(seeded=False), 1),
        (JobMemory(idle_since=NOW - 5, idle_mark=0, idle_looks=1), b.answer(), 1),
        (JobMemory(unobservable_since=NOW - 110), b.AWAY, 11),
        (JobMemory(unobservable_since=NOW - 9999), b.AWAY, 30),
    ],
)
def test_when_to_look_again(memory, frontier, seconds):
    assert plan(b.job(), frontier, memory=memory).look_again == seconds


def test_workers_in_the_status():
    job = b.job(b.INLINE)
    planned = plan(job, b.answer(6000), b.children(job, 1, ready=1))
    assert planned.status["workers"] == {
        "replicas": 1,
        "ready": 1,
        "desired": 2,
        "selector": f"crawlfleet.io/job-uid={b.UID},app.kubernetes.io/component=worker",
    }
