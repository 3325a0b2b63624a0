"""The policies of `engine: Frontier`, each by itself: values in, verdict out."""

from dataclasses import replace

import pytest

from crawlfleet import frontier_spec
from crawlfleet.actions import (
    CloseFrontier,
    ConfirmDead,
    Reap,
    ReopenFrontier,
    ReplayDead,
    SetLimits,
    SetPoliteness,
    Tick,
)
from crawlfleet.conditions import Reason
from crawlfleet.frontier_spec import Bloom, HostRule, Limits, Politeness, Replay
from crawlfleet.observed import JobMemory
from crawlfleet.policies import finish, frontier_upkeep, liveness, lost_workers, replaying, replicas, seed
from crawlfleet.policies.liveness import Liveness
from tests import builders as b
from tests.builders import NOW

JOB = b.job(b.FRONTIER)

# what the spec asks for


def spec_of(**spec):
    return b.job(b.FRONTIER | spec)


def test_without_politeness_the_defaults_hold():
    assert frontier_spec.politeness(JOB) == Politeness(1000, 1, "Obey")
    assert frontier_spec.limits(JOB) == Limits(0, 0, 3)
    assert frontier_spec.bloom(JOB) is None
    assert frontier_spec.replay(JOB) is None


def test_politeness_is_read_as_it_is_written():
    default = {"delayMilliseconds": 0, "maxConcurrentRequests": 8, "robots": "Ignore"}
    overrides = [
        {"host": "a.example", "delayMilliseconds": 0, "action": "Crawl"},
        {"host": "*.b.example", "maxConcurrentRequests": 2, "robots": "Obey"},
        {"host": "ads.example", "action": "Block"},
    ]
    read = frontier_spec.politeness(spec_of(politeness={"default": default, "overrides": overrides}))
    assert read == Politeness(
        0,
        8,
        "Ignore",
        (
            HostRule("a.example", delay_ms=0),
            HostRule("*.b.example", open_requests=2, robots="Obey"),
            HostRule("ads.example", blocked=True),
        ),
    )


POLITE = Politeness(1000, 1, "Obey", (HostRule("a.example", delay_ms=5), HostRule("b.example", blocked=True)))


@pytest.mark.parametrize(
    "other",
    [
        replace(POLITE, delay_ms=999),
        replace(POLITE, open_requests=2),
        replace(POLITE, robots="Ignore"),
        replace(POLITE, overrides=POLITE.overrides[:1]),
        replace(POLITE, overrides=(HostRule("a.example", delay_ms=5, robots="Ignore"), POLITE.overrides[1])),
        replace(POLITE, overrides=(HostRule("a.example", delay_ms=0), POLITE.overrides[1])),
    ],
)
def test_every_change_of_politeness_is_another_version(other):
    assert other.version != POLITE.version


def test_the_order_of_overrides_is_no_change():
    assert replace(POLITE, overrides=POLITE.overrides[::-1]).version == POLITE.version


@pytest.mark.parametrize(
    ("capacity", "errors", "expected"),
    [
        (1_000_000, 1000, Bloom(14_377_588, 10)),
        (1000, 100_000, Bloom(4793, 3)),
        (1_000_000_000, 1, Bloom(28_755_175_133, 20)),
    ],
)
def test_the_size_of_a_bloom_filter(capacity, errors, expected):
    assert frontier_spec.size_bloom(capacity, errors) == expected


def test_a_bloom_filter_without_a_share_of_errors_takes_one_in_a_thousand():
    job = spec_of(dedupe={"type": "Bloom", "bloom": {"capacity": 1_000_000}})
    assert frontier_spec.bloom(job) == Bloom(14_377_588, 10)


# settings


def settings(job, memory=None, **ledger):
    memory = memory or JobMemory(politeness=b.politeness_mark(job))
    return frontier_upkeep.settings(job, b.ledger(**ledger), memory)


def test_settings_at_rest():
    assert settings(JOB) == ()


@pytest.mark.parametrize(
    "memory", [JobMemory(), JobMemory(politeness="pace-0/x"), JobMemory(politeness="pace-1/another version")]
)
def test_politeness_is_set_where_it_is_new_to_the_store(memory):
    assert settings(JOB, memory) == (SetPoliteness(frontier_spec.politeness(JOB)),)


def test_politeness_is_set_where_the_pace_store_is_gone():
    assert settings(JOB, pace=None) == (SetPoliteness(frontier_spec.politeness(JOB)),)


@pytest.mark.parametrize(
    ("spec", "limits"),
    [
        ({"maxRequestsPerHost": 5}, Limits(5, 0, 3)),
        ({"stopAfter": {"pages": 7}}, Limits(0, 7, 3)),
        ({"retries": {"maxWorkerLosses": 9}}, Limits(0, 0, 9)),
    ],
)
def test_limits_follow_the_spec(spec, limits):
    assert settings(spec_of(**spec)) == (SetLimits(limits),)
    assert settings(spec_of(**spec), limits=limits) == ()


# clock


@pytest.mark.parametrize(
    ("leased", "ledger", "ticks"),
    [
        (1, {"still_seconds": 1.0}, True),
        (0, {"still_seconds": 1.0, "delayed": 1}, True),
        (0, {"still_seconds": 100.0}, False),
        (1, {"still_seconds": 0.5, "delayed": 1}, False),
    ],
)
def test_the_operator_ticks_where_something_waits_and_nobody_beats(leased, ledger, ticks):
    assert frontier_upkeep.clock(b.ledger(**ledger), leased) == ((Tick(),) if ticks else ())


# gate


@pytest.mark.parametrize(
    ("closed", "ends", "goes_on", "expected"),
    [
        (False, True, False, (CloseFrontier(7),)),
        (True, True, False, ()),
        (True, False, True, (ReopenFrontier(),)),
        (False, False, True, ()),
    ],
)
def test_the_gate(closed, ends, goes_on, expected):
    assert frontier_upkeep.gate(b.ledger(admitted=7, closed=closed), ends=ends, goes_on=goes_on) == expected


# lost workers


def pod(uid, state=None, **kwargs):
    return b.pod(JOB, uid, state=b.running() if state is None else state, **kwargs)


def lost(beats, pods, heard=None, *, now=NOW, **ledger):
    ledger.setdefault("pace", replace(b.PACE, held_slots=1))
    state = b.frontier_state(workers=tuple(beats), ledger_parts=ledger)
    return lost_workers.judge(state, state.ledger, pods, heard or {}, now)


EVICTED = {"phase": "Failed"}


@pytest.mark.parametrize(
    ("beats", "pods", "reaps"),
    [
        pytest.param([b.beat()], [pod("pod-1")], (), id="alive"),
        pytest.param([b.beat(age=3)], [], (), id="its pod is gone, but it spoke just now"),
        pytest.param([b.beat(age=4)], [], (Reap("pod-1:r1", blame=False),), id="stopped with its pod"),
        pytest.param([b.beat(age=4)], [pod("pod-1")], (), id="silent for a while, its container runs"),
        pytest.param(
            [b.beat(age=4)],
            [pod("pod-1", b.terminated(137, reason="OOMKilled"))],
            (Reap("pod-1:r1", blame=True),),
            id="out of memory",
        ),
        pytest.param(
            [b.beat(age=4)],
            [pod("pod-1", b.terminated(0), deletionTimestamp=b.stamp())],
            (Reap("pod-1:r1", blame=False),),
            id="ended while it was being deleted",
        ),
        pytest.param(
            [b.beat(age=4)],
            [pod("pod-1", b.waiting("CrashLoopBackOff"))],
            (Reap("pod-1:r1", blame=True),),
            id="crashed",
        ),
        pytest.param([b.beat(age=4)], [pod("pod-1", phase="Failed")], (Reap("pod-1:r1", blame=True),), id="failed"),
        pytest.param([b.beat(age=7)], [pod("pod-1")], (Reap(),), id="silent for too long, and nobody else is there"),
        pytest.param([b.beat(age=7), b.beat("pod-2")], [pod("pod-1"), pod("pod-2")], (), id="others reap it"),
    ],
)
def test_who_is_reaped(beats, pods, reaps):
    assert lost(beats, pods).reaps == reaps


def test_an_eviction_is_no_fault():
    evicted = pod("pod-1", phase="Failed")
    evicted["status"]["reason"] = "Evicted"
    assert lost([b.beat(age=4)], [evicted]).reaps == (Reap("pod-1:r1", blame=False),)


def test_leases_of_the_fenced_are_freed_where_no_worker_lives():
    assert lost([], [], ownerless=3).reaps == (Reap(),)
    assert lost([b.beat()], [pod("pod-1")], ownerless=3).reaps == ()


def test_an_end_is_confirmed_once():
    first = lost([b.beat(age=1)], [pod("pod-1")])
    assert first.confirmed is None
    assert first.heard == {"pod-1:r1": NOW - 1}
    second = lost([], [pod("pod-1", b.terminated(1))], first.heard, now=NOW + 3)
    assert second.confirmed == ConfirmDead(("pod-1:r1",))
    assert second.heard == {}


@pytest.mark.parametrize(
    ("silent", "pods", "confirmed"),
    [
        pytest.param(100, [pod("pod-1")], False, id="its container runs"),
        pytest.param(3, [pod("pod-1", b.terminated(1))], False, id="it spoke just now"),
        pytest.param(4, [pod("pod-1", b.terminated(1))], True, id="its container ended"),
        pytest.param(7, [], False, id="its pod is gone, but it may run on a node that is cut off"),
        pytest.param(8, [], True, id="its pod is gone, and it has closed its sockets itself by now"),
    ],
)
def test_only_an_end_that_is_certain_is_confirmed(silent, pods, confirmed):
    for beats, heard in (([], {"pod-1:r1": NOW - silent}), ([b.beat(age=silent)], {})):
        verdict = lost(beats, pods, heard)
        assert (verdict.confirmed is not None) == confirmed
        assert ("pod-1:r1" not in verdict.heard) == confirmed


def test_nothing_is_confirmed_where_no_slot_is_held():
    verdict = lost([], [], {"pod-1:r1": NOW - 60}, pace=b.PACE)
    assert verdict.confirmed is None
    assert verdict.heard == {}


def test_a_successor_in_the_same_pod_clears_up_itself():
    verdict = lost([b.beat()], [pod("pod-1", b.waiting("CrashLoopBackOff"))], {"pod-1:r0": NOW - 60})
    assert verdict.confirmed is None
    assert verdict.heard == {"pod-1:r1": NOW}


def test_the_dead_are_confirmed_by_their_epochs():
    """Not by the pod: a process that has just started there, and was not heard yet, has another epoch."""
    verdict = lost([b.beat(age=4)], [pod("pod-1", b.waiting("CrashLoopBackOff"))], {"pod-1:r0": NOW - 60})
    assert verdict.confirmed == ConfirmDead(("pod-1:r0", "pod-1:r1"))


# the end


def judge(memory=None, *, now=NOW, seeded=True, busy=0, queued=0, start_urls=0, done=5, **ledger):
    state = b.frontier_state(queued, done=done, start_urls=start_urls, ledger_parts=ledger)
    return finish.judge(state, memory or JobMemory(), now, seeded=seeded, busy=busy, idle_seconds=10.0)


def test_the_end_is_agreed_upon_before_it_is_told():
    first = judge()
    assert (first.idle, first.closes, first.ended) == (True, False, False)
    second = judge(first.memory, now=NOW + 10)
    assert (second.closes, second.ended) == (True, False)
    third = judge(second.memory, now=NOW + 10.2, closed=True)
    assert (third.closes, third.ended, third.at_limit) == (False, True, False)


def test_a_closed_frontier_is_an_end_for_whoever_comes_next():
    assert judge(closed=True).ended


@pytest.mark.parametrize(
    "look", [{"queued": 1}, {"delayed": 1}, {"busy": 1}, {"start_urls": 1}, {"start_urls": -1}, {"seeded": False}]
)
@pytest.mark.parametrize("closed", [False, True])
def test_not_at_the_end(look, closed):
    verdict = judge(judge().memory, now=NOW + 60, closed=closed, **look)
    assert (verdict.idle, verdict.ended, verdict.closes) == (False, False, False)
    assert verdict.memory.idle_since is None


def test_another_admission_starts_the_wait_anew():
    first = judge(done=5)
    second = judge(first.memory, now=NOW + 10, done=6)
    assert second.idle
    assert not second.closes
    assert judge(second.memory, now=NOW + 20, done=6).closes


@pytest.mark.parametrize(
    ("pages", "done", "busy", "ended"), [(10, 10, 0, True), (10, 9, 0, False), (10, 10, 1, False), (0, 10, 0, False)]
)
def test_as_many_pages_as_are_allowed(pages, done, busy, ended):
    verdict = judge(done=done, busy=busy, queued=50, limits=Limits(stop_pages=pages))
    assert (verdict.ended, verdict.at_limit) == (ended, ended)


def test_a_frontier_knows_what_is_in_hand():
    state = b.frontier_state(in_flight=4, workers=(b.beat("gone", age=99, in_flight=4),))
    assert liveness.of(state, frozenset()) == Liveness(4, 1, ())
    assert liveness.of(b.frontier_state(), frozenset()) == Liveness(0, 0, ())


# seeds and scaling


@pytest.mark.parametrize(
    ("spec", "first"),
    [({}, "unseeded"), (b.INLINE, "seeded"), (b.REDIS_KEY, "seeded")],
    ids=["start()", "inline", "key"],
)
def test_the_state_of_seeds_in_a_new_sentinel(spec, first):
    assert seed.first_seed_state(b.job(b.FRONTIER | spec)) == first


def test_a_redis_key_is_seeded_with_its_first_url():
    job = b.job(b.FRONTIER | b.REDIS_KEY)
    assert seed.awaits_urls(job, b.frontier_state())
    assert seed.is_seeded(job, b.frontier_state(start_urls=1))
    assert seed.is_seeded(job, b.frontier_state(ledger_parts={"dead": 1}))


@pytest.mark.parametrize(
    ("state", "workers"),
    [
        (b.frontier_state(0), 0),
        (b.frontier_state(0, ledger_parts={"delayed": 9000}), 0),
        (b.frontier_state(0, ledger_parts={"delayed": 9000, "due": 1}), 1),
        (b.frontier_state(0, ledger_parts={"delayed": 9000, "due": 9000}), 2),
    ],
)
def test_what_is_delayed_wants_workers_when_it_is_due(state, workers):
    decided = replicas.decide(JOB, state, 0, 0, JobMemory(), NOW)
    assert decided.desired == workers
    assert decided.limited.reason is Reason.WITHIN_BOUNDS


# replay


def replay_of(name="1", status=None, memory=None):
    job = b.job(b.FRONTIER | {"replay": {"token": name, "reasons": ["Timeout"]}}, status=status)
    return replaying.judge(job, b.ledger(time_ms=5000), memory or JobMemory())


BEGUN = {"token": "1", "through": "5000", "completed": False}


def test_a_replay_is_told_before_it_begins():
    first = replay_of()
    assert first.status == BEGUN
    assert first.action is None
    second = replay_of(status={"replay": BEGUN})
    assert second.action == ReplayDead(Replay("1", ("Timeout",)), "5000")
    third = replay_of(status={"replay": BEGUN}, memory=JobMemory(replayed="1"))
    assert third.status == {**BEGUN, "completed": True}
    assert third.action is None
    assert all(each.due for each in (first, second, third))


def test_a_replay_happens_once_for_each_token():
    done = {"replay": {**BEGUN, "completed": True}}
    assert not replay_of(status=done).due
    assert replay_of("2", status=done, memory=JobMemory(replayed="1")).status == {**BEGUN, "token": "2"}


def test_whoever_goes_on_with_a_replay_keeps_its_bound():
    assert replay_of(status={"replay": {**BEGUN, "through": "77"}}).action.through == "77"


def test_no_replay_is_asked_for():
    assert not replaying.judge(JOB, b.ledger(), JobMemory()).due
