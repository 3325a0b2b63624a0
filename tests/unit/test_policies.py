"""Every policy by itself: values in, verdict out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlfleet.conditions import Condition, ConditionType, Reason
from crawlfleet.diagnose import Diagnosis
from crawlfleet.observed import JobMemory
from crawlfleet.policies import blocked, finish, frontier_health, liveness, looking, replicas, seed, ttl
from crawlfleet.policies.liveness import Liveness
from tests import builders as b
from tests.builders import NOW

# liveness


@pytest.mark.parametrize(
    ("beats", "pods", "expected"),
    [
        pytest.param((), {"pod-1"}, Liveness(0, 0, ()), id="nobody"),
        pytest.param((b.beat(in_flight=3),), {"pod-1"}, Liveness(3, 1, ()), id="at work"),
        pytest.param((b.beat(),), {"pod-1"}, Liveness(0, 0, ()), id="alive with nothing in hand"),
        pytest.param((b.beat(in_flight=3),), set(), Liveness(3, 1, ()), id="heard lately, pod not seen yet"),
        pytest.param((b.beat(age=3),), {"pod-1"}, Liveness(0, 0, ()), id="a word that is fresh enough"),
        pytest.param((b.beat(age=4),), {"pod-1"}, Liveness(0, 1, ()), id="too old to prove idleness"),
        pytest.param((b.beat(age=6, in_flight=2),), set(), Liveness(2, 1, ()), id="six seconds are not silence"),
        pytest.param((b.beat(age=7),), {"pod-1"}, Liveness(0, 1, ()), id="silent with its pod: may hold requests"),
        pytest.param((b.beat(age=7, in_flight=3),), set(), Liveness(0, 0, ("pod-1:r1",)), id="silent, pod gone"),
        pytest.param((b.beat(age=60, in_flight=1),), {"pod-1"}, Liveness(1, 1, ()), id="silent for a minute"),
        pytest.param((b.beat(age=61, in_flight=1),), {"pod-1"}, Liveness(0, 0, ("pod-1:r1",)), id="silent for longer"),
        pytest.param(
            (b.beat("a", in_flight=1), b.beat("b", in_flight=2), b.beat("c", age=9)),
            {"a", "b"},
            Liveness(3, 2, ("c:r1",)),
            id="a mixed fleet",
        ),
    ],
)
def test_whose_word_counts(beats, pods, expected):
    assert liveness.judge(beats, frozenset(pods)) == expected


# finish


def judge(memory=None, *, now=NOW, queued=0, start_urls=0, done=5, seeded=True, busy=0, idle_seconds=10.0):
    snapshot = b.snapshot(queued, start_urls=start_urls, done=done)
    memory = memory or JobMemory()
    return finish.judge(snapshot, memory, now, seeded=seeded, busy=busy, idle_seconds=idle_seconds)


@pytest.mark.parametrize(
    "look",
    [
        {"queued": 1},
        {"start_urls": 1},
        {"busy": 1},
        {"seeded": False},
        {"queued": -1},
        {"start_urls": -1},
    ],
    ids=["queued", "start URLs", "busy", "unseeded", "queue of another type", "start URLs of another type"],
)
def test_not_idle(look):
    first = judge()
    verdict = judge(first.memory, now=NOW + 60, **look)
    assert not verdict.idle
    assert not verdict.ended
    assert verdict.memory.idle_since is None


def test_the_end_is_seen_twice():
    first = judge(idle_seconds=0.0)
    assert first.idle
    assert not first.ended
    assert judge(first.memory, idle_seconds=0.0).ended


def test_the_end_waits_for_idle_seconds():
    first = judge()
    second = judge(first.memory, now=NOW + 9.9)
    assert not second.ended
    assert judge(second.memory, now=NOW + 10).ended


def test_a_changed_counter_starts_the_wait_anew():
    first = judge(done=5)
    second = judge(first.memory, now=NOW + 10, done=6)
    assert second.idle
    assert not second.ended
    assert not judge(second.memory, now=NOW + 19, done=6).ended
    assert judge(second.memory, now=NOW + 20, done=6).ended


def test_a_look_without_an_answer_starts_the_wait_anew():
    first = judge()
    memory = finish.interrupted(judge(first.memory, now=NOW + 9).memory)
    assert not judge(memory, now=NOW + 11).ended


@given(
    st.lists(
        st.tuples(
            st.floats(0.1, 15), st.integers(0, 2), st.integers(0, 3), st.booleans(), st.booleans(), st.integers(0, 1)
        ),
        max_size=20,
    )
)
def test_an_end_follows_only_from_looks_that_agree_for_long_enough(looks):
    memory, now, quiet = JobMemory(), NOW, []
    for pause, queued, done, seeded, answered, busy in looks:
        now += pause
        if not answered:
            memory, quiet = finish.interrupted(memory), []
            continue
        verdict = judge(memory, now=now, queued=queued, done=done, seeded=seeded, busy=busy)
        memory = verdict.memory
        still = seeded and not queued and not busy
        quiet = [*(past for past in quiet if past[1] == done), (now, done)] if still else []
        assert verdict.ended == (len(quiet) >= 2 and now - quiet[0][0] >= 10)


# frontier_health


def health(frontier, *, conditions=(), memory=None, status=None, now=NOW):
    job = b.job(conditions=conditions, status=status)
    return frontier_health.judge(b.observed(job, frontier, memory=memory, now=now))


OBSERVABLE = Condition(ConditionType.FRONTIER_OBSERVABLE, True, Reason.REACHABLE, "Redis answers")


def test_redis_that_never_answered_is_unknown_at_first():
    verdict = health(b.AWAY)
    assert verdict.snapshot is None
    assert verdict.trouble is None
    assert verdict.unobservable_since == NOW
    assert [(c.type, c.status) for c in verdict.conditions] == [(ConditionType.FRONTIER_OBSERVABLE, None)]


@pytest.mark.parametrize(("seconds", "reported"), [(0, False), (9.9, False), (10, True), (3600, True)])
def test_redis_away_is_reported_after_ten_seconds(seconds, reported):
    verdict = health(
        b.AWAY, conditions=(OBSERVABLE,), memory=JobMemory(unobservable_since=NOW, highest_done=4), now=NOW + seconds
    )
    assert (verdict.trouble is not None) == reported
    assert (verdict.trouble in verdict.conditions) == reported
    assert verdict.snapshot is None
    assert verdict.highest_done == 4
    if reported:
        assert verdict.trouble.reason == Reason.REDIS_UNREACHABLE


def test_redis_away_stays_reported_by_a_fresh_process():
    away = Condition(ConditionType.FRONTIER_OBSERVABLE, False, Reason.REDIS_UNREACHABLE, "refused")
    assert health(b.AWAY, conditions=(away,)).trouble is not None


def test_an_answer_ends_the_gap():
    verdict = health(b.answer(3), memory=JobMemory(unobservable_since=NOW - 100))
    assert verdict.unobservable_since is None
    assert verdict.trouble is None
    assert verdict.snapshot is not None


def test_a_redis_that_was_never_ours_is_prepared():
    verdict = health(b.answer(sentinel={}))
    assert verdict.prepare
    assert verdict.snapshot is None
    assert verdict.trouble is None


@pytest.mark.parametrize("status", [True, False])
def test_an_emptied_redis_is_never_prepared_again(status):
    known = Condition(ConditionType.FRONTIER_INTACT, status, Reason.SENTINEL_PRESENT, "")
    verdict = health(b.answer(sentinel={}), conditions=(known,))
    assert not verdict.prepare
    assert verdict.snapshot is None
    assert verdict.trouble.reason == Reason.SENTINEL_MISSING


@pytest.mark.parametrize(
    ("memory", "status"),
    [
        (JobMemory(highest_done=100), None),
        (None, {"frontier": {"done": 100}}),
    ],
    ids=["by memory", "by status"],
)
def test_counters_below_those_seen_are_no_answer(memory, status):
    verdict = health(b.answer(done=99), memory=memory, status=status)
    assert verdict.snapshot is None
    assert verdict.trouble.reason == Reason.COUNTERS_FELL_BACK
    assert verdict.highest_done == 100
    assert health(b.answer(done=100), memory=memory, status=status).trouble is None


def test_another_layout_is_no_answer():
    verdict = health(b.answer(sentinel={"uid": b.UID, "layout": "frontier/7"}))
    assert verdict.snapshot is None
    assert verdict.trouble.reason == Reason.LAYOUT_MISMATCH
    assert "frontier/7" in verdict.trouble.message


# ttl, looking, seed


@pytest.mark.parametrize(
    ("ttl_seconds", "finished", "completed", "left"),
    [
        (None, True, 0, None),
        (60, False, 0, None),
        (60, True, None, None),
        (60, True, 0, 60),
        (60, True, 60, 0),
        (60, True, 90, -30),
        (0, True, 0, 0),
    ],
)
def test_ttl(ttl_seconds, finished, completed, left):
    spec = {} if ttl_seconds is None else {"ttlSecondsAfterFinished": ttl_seconds}
    status = {} if completed is None else {"completionTime": b.stamp(completed)}
    job = b.job(spec, conditions=(b.COMPLETE,) if finished else (), status=status)
    assert ttl.seconds_left(job, NOW) == left


@pytest.mark.parametrize(("gone_for", "seconds"), [(0, 1), (10, 1), (20, 2), (110, 11), (300, 30), (1e9, 30)])
def test_a_redis_that_is_away_is_looked_at_less_often(gone_for, seconds):
    assert looking.after_gap(gone_for) == seconds


@pytest.mark.parametrize(("idle_for", "seconds"), [(0, 1), (10, 1), (20, 30), (95, 5), (99.5, 1), (200, 1)])
def test_an_idle_job_is_looked_at_when_its_wait_is_over(idle_for, seconds):
    assert looking.until_the_end(idle_for, 100.0) == seconds


@pytest.mark.parametrize(("jobs", "seconds"), [(1, 1), (100, 1), (1000, 10), (3000, 30), (100_000, 30)])
def test_the_jobs_at_rest_share_a_budget_of_looks(jobs, seconds):
    assert looking.at_rest(jobs) == seconds


@pytest.mark.parametrize(
    ("spec", "snapshot", "seeded", "needs_seeder", "awaits"),
    [
        ({}, b.snapshot(seeded=False), False, True, False),
        ({}, b.snapshot(), True, False, False),
        (b.INLINE, b.snapshot(), True, False, False),
        (b.REDIS_KEY, b.snapshot(seeded=False), False, False, True),
        (b.REDIS_KEY, b.snapshot(seeded=False, start_urls=1), True, False, False),
        (b.REDIS_KEY, b.snapshot(seeded=False, done=1), True, False, False),
        (b.REDIS_KEY, b.snapshot(seeded=False, workers=(b.beat(in_flight=1),)), True, False, False),
    ],
)
def test_seeded(spec, snapshot, seeded, needs_seeder, awaits):
    job = b.job(spec)
    assert seed.is_seeded(job, snapshot) == seeded
    assert seed.needs_seeder(job, snapshot) == needs_seeder
    assert seed.awaits_urls(job, snapshot) == awaits


@pytest.mark.parametrize(("spec", "state"), [({}, "unseeded"), (b.INLINE, "seeded"), (b.REDIS_KEY, "unseeded")])
def test_first_seed_state(spec, state):
    assert seed.first_seed_state(b.job(spec)) == state


# replicas

WATCHED = JobMemory(watched_since=NOW - 1000)
FIXED = {"scaling": {"type": "Fixed"}, "workers": {"replicas": 4}}


def decide(spec, snapshot, *, in_flight=0, current=0, memory=WATCHED):
    return replicas.decide(b.job(spec), snapshot, in_flight, current, memory, NOW)


@pytest.mark.parametrize(
    ("spec", "snapshot", "current", "workers", "reason"),
    [
        pytest.param({}, b.snapshot(9999, seeded=False), 0, 1, Reason.FIRST_WORKER, id="one seeder"),
        pytest.param({}, b.snapshot(9999, seeded=False), 7, 1, Reason.FIRST_WORKER, id="one seeder, whoever scaled"),
        pytest.param(FIXED, b.snapshot(seeded=False), 0, 1, Reason.FIRST_WORKER, id="one seeder of a fixed fleet"),
        pytest.param({}, b.snapshot(99999, started=False), 0, 1, Reason.FIRST_WORKER, id="first worker"),
        pytest.param(FIXED, b.snapshot(started=False), 0, 1, Reason.FIRST_WORKER, id="first of a fixed fleet"),
        pytest.param({}, b.snapshot(99999), 1, 10, Reason.MAX_REPLICAS, id="one jump up"),
        pytest.param({}, b.snapshot(0, started=False), 0, 0, Reason.WITHIN_BOUNDS, id="nothing to start with"),
        pytest.param({}, b.snapshot(-1, start_urls=-1), 0, 0, Reason.WITHIN_BOUNDS, id="keys of another type"),
        pytest.param(FIXED, b.snapshot(), 0, 4, Reason.WITHIN_BOUNDS, id="fixed"),
        pytest.param(FIXED, b.snapshot(), 9, 4, Reason.WITHIN_BOUNDS, id="fixed, lowered"),
        pytest.param({}, None, 6, 6, Reason.FRONTIER_UNKNOWN, id="unknown neither lowers nor raises"),
        pytest.param({}, None, 0, 0, Reason.FRONTIER_UNKNOWN, id="unknown does not start"),
        pytest.param(FIXED, None, 4, 4, Reason.FRONTIER_UNKNOWN, id="unknown holds a fixed fleet"),
        pytest.param(FIXED, None, 2, 2, Reason.FRONTIER_UNKNOWN, id="unknown does not raise a fixed fleet"),
        pytest.param(FIXED, None, 9, 4, Reason.FRONTIER_UNKNOWN, id="the user may lower a fixed fleet meanwhile"),
    ],
)
def test_replicas(spec, snapshot, current, workers, reason):
    verdict = decide(spec, snapshot, current=current)
    assert verdict.desired == workers
    assert verdict.limited.reason == reason
    assert verdict.limited.status == (reason is not Reason.WITHIN_BOUNDS)


def test_unknown_holds_the_replicas():
    for current in range(12):
        verdict = decide({}, None, current=current)
        assert verdict.desired == current
        assert verdict.memory == WATCHED


def test_requests_in_flight_keep_the_last_worker():
    assert decide({}, b.snapshot(0), in_flight=1, current=1).desired == 1
    assert decide({}, b.snapshot(0), in_flight=0, current=1).desired == 0


def test_a_lowered_maximum_counts_at_once():
    memory = JobMemory(recommendations=((NOW - 5, 10),), watched_since=NOW - 1000)
    spec = {"scaling": {"queue": {"maxReplicas": 3}}}
    assert decide(spec, b.snapshot(99999), current=10, memory=memory).desired == 3
    assert decide(spec, b.snapshot(99999), current=10, memory=JobMemory()).desired == 3


# blocked


def blocker(job, frontier, *, pods=(), memory=None, now=NOW, **parts):
    watched = b.observed(job, frontier, b.children(job, worker_pods=tuple(pods), **parts), memory=memory, now=now)
    return blocked.find_blocker(watched, frontier_health.judge(watched))


BAD_SPIDER = b.terminated(65, "no spider 'bocks'; there are: books")


def test_pods_of_another_template_say_nothing():
    job = b.job()
    old = b.pod(job, state=BAD_SPIDER, template="before")
    assert blocker(job, b.answer(5), pods=[old]) is None
    assert blocker(job, b.answer(5), pods=[b.pod(job, state=BAD_SPIDER)]).reason == Reason.SPIDER_NOT_FOUND


def test_a_fatal_reason_is_held_until_the_spec_changes():
    job = b.job(conditions=(b.blocked_by(Reason.SPIDER_NOT_FOUND, "no spider"),), generation=3)
    assert blocker(job, b.answer(5)) == Diagnosis(Reason.SPIDER_NOT_FOUND, "no spider")
    mended = b.merged(job.body, {"metadata": {"generation": 4}})
    assert blocker(type(job)(mended), b.answer(5)) is None


def test_a_fatal_reason_is_held_while_redis_is_away():
    job = b.job(conditions=(b.blocked_by(Reason.SPIDER_NOT_FOUND, "no spider"),))
    gap = JobMemory(unobservable_since=NOW - 60)
    assert blocker(job, b.AWAY, memory=gap).reason == Reason.SPIDER_NOT_FOUND


@pytest.mark.parametrize(
    "condition",
    [
        b.blocked_by(Reason.IMAGE_PULL_FAILED),
        b.blocked_by(Reason.SUSPENDED),
        Condition(ConditionType.PROGRESSING, True, Reason.CRAWLING, ""),
    ],
)
def test_other_reasons_are_not_held(condition):
    assert blocked.held_fatal(b.job(conditions=(condition,))) is None


def test_a_layout_that_fits_again_releases_the_job():
    mismatch = Condition(ConditionType.FRONTIER_INTACT, False, Reason.LAYOUT_MISMATCH, "other")
    job = b.job(conditions=(mismatch, b.blocked_by(Reason.LAYOUT_MISMATCH, "other")))
    assert blocker(job, b.answer(5)) is None


def test_a_layout_that_the_worker_refused_is_held():
    job = b.job(conditions=(b.INTACT, b.blocked_by(Reason.LAYOUT_MISMATCH, "the worker's words")))
    assert blocker(job, b.answer(5)).message == "the worker's words"


PULL = 'failed to pull image "registry.example/books:1": not found'


def test_the_message_of_a_failed_pull_does_not_alternate():
    job = b.job(conditions=(b.blocked_by(Reason.IMAGE_PULL_FAILED, PULL),))
    back_off = b.pod(job, state=b.waiting("ImagePullBackOff", 'Back-off pulling image "registry.example/books:1"'))
    assert blocker(job, b.answer(5), pods=[back_off]).message == PULL


def test_the_message_of_another_image_is_not_kept():
    before = b.job(conditions=(b.blocked_by(Reason.IMAGE_PULL_FAILED, PULL),))
    job = type(before)(b.merged(before.body, {"metadata": {"generation": 2}}))
    back_off = b.pod(job, state=b.waiting("ImagePullBackOff", "Back-off"))
    assert blocker(job, b.answer(5), pods=[back_off]).message == "Back-off"


def test_the_message_of_redis_failed_pull_does_not_alternate():
    job = b.job(conditions=(b.blocked_by(Reason.IMAGE_PULL_FAILED, f"Redis: {PULL}"),))
    redis = b.pod(job, component="redis", state=b.waiting("ImagePullBackOff", "Back-off pulling image"))
    assert blocker(job, b.AWAY, redis_pods=(redis,)).message == f"Redis: {PULL}"


def test_redis_pod_is_asked_only_while_redis_gives_no_answer():
    job = b.job()
    redis = b.pod(job, component="redis", state=b.waiting("ImagePullBackOff", "Back-off"))
    assert blocker(job, b.AWAY, redis_pods=(redis,)).message == "Redis: Back-off"
    assert blocker(job, b.answer(5), redis_pods=(redis,)) is None


def test_redis_trouble_blocks():
    trouble = blocker(b.job(), b.AWAY, memory=JobMemory(unobservable_since=NOW - 10))
    assert trouble.reason == Reason.REDIS_UNREACHABLE
    assert not trouble.fatal


def test_a_gap_of_redis_is_not_the_workers_silence():
    job = b.job()
    assert blocker(job, b.AWAY, pods=[b.pod(job, state=b.running(600))]) is None


def test_a_crash_is_held_until_a_worker_reports():
    job = b.job(conditions=(b.blocked_by(Reason.WORKER_CRASHED, "KeyError: 'x'"),))
    again = b.pod(job, state=b.running(2), last=b.terminated(70, "KeyError: 'x'"))
    assert blocker(job, b.answer(5), pods=[again]).message == "KeyError: 'x'"
    assert blocker(job, b.answer(5, workers=(b.beat(age=1),)), pods=[again]) is None
    assert blocker(job, b.answer(5), pods=[]) is None


DEADLINE = Diagnosis(Reason.IMAGE_PULL_FAILED, "not found")


@pytest.mark.parametrize(("since", "failed"), [(0, False), (899, False), (900, True), (5000, True)])
def test_the_deadline_of_a_blocked_job(since, failed):
    job = b.job(conditions=(b.blocked_by(Reason.IMAGE_PULL_FAILED),), since=since)
    condition = blocked.deadline_exceeded(job, DEADLINE, NOW)
    assert (condition is not None) == failed
    if condition:
        assert condition.type == ConditionType.FAILED
        assert "ImagePullFailed: not found" in condition.message


@pytest.mark.parametrize("condition", [None, b.CRAWLING, b.blocked_by(Reason.SUSPENDED)])
def test_the_deadline_begins_with_the_blockade(condition):
    job = b.job(conditions=(condition,) if condition else (), since=5000)
    assert blocked.deadline_exceeded(job, DEADLINE, NOW) is None


def test_time_in_suspension_does_not_count():
    resumed = {"type": "Suspended", "status": "False", "reason": "Running", "lastTransitionTime": b.stamp(100)}
    body = b.job(conditions=(b.blocked_by(Reason.IMAGE_PULL_FAILED),), since=5000).body
    body["status"]["conditions"].append(resumed)
    job = b.job().__class__(body)
    assert blocked.deadline_exceeded(job, DEADLINE, NOW) is None
    assert blocked.deadline_exceeded(job, DEADLINE, NOW + 800) is not None
