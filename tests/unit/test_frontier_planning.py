"""One look at a job with `engine: Frontier` in, one plan out."""

from dataclasses import replace

import pytest

from crawlfleet.actions import (
    Apply,
    CloseFrontier,
    ConfirmDead,
    DropKeys,
    PrepareFrontier,
    Reap,
    ReopenFrontier,
    ReplayDead,
    SetFinalizers,
    SetLimits,
    SetPoliteness,
    Tick,
)
from crawlfleet.crawl_state import CrawlState
from crawlfleet.frontier_spec import Limits, Replay
from crawlfleet.job import Job
from crawlfleet.observed import Children, Frontier, JobMemory, RedisMemory
from crawlfleet.planning import plan as plan_with
from tests import builders as b
from tests.builders import FRONTIER_LAYOUT, NOW

JOB = b.job(b.FRONTIER, conditions=(b.INTACT,))
MISSING = Frontier(CrawlState(layout=None, expected_layout=FRONTIER_LAYOUT))


def plan(job, frontier, children=None, *, memory=None, **kwargs):
    memory = memory or JobMemory(politeness=b.politeness_mark(job))
    return plan_with(b.observed(job, frontier, children, memory=memory, **kwargs), b.SETTINGS)


def writes(planned):
    return [action for action in planned.actions if not isinstance(action, Apply)]


def condition(planned, type_):
    return next((c for c in planned.status["conditions"] if c["type"] == type_), None)


def until_it_closes(job, frontier, **kwargs):
    """The plan of the look that agrees upon the end, `idleSeconds` after the first."""
    first = plan(job, frontier, **kwargs)
    return plan(job, frontier, memory=first.memory, now=NOW + 10)


# coming to be


@pytest.mark.parametrize(
    ("spec", "prepared"),
    [
        ({}, PrepareFrontier("unseeded", ())),
        (b.INLINE, PrepareFrontier("seeded", ("http://a.example/", "http://b.example/"))),
        (b.REDIS_KEY, PrepareFrontier("seeded", ())),
    ],
)
def test_a_new_frontier_is_prepared(spec, prepared):
    assert writes(plan(b.job(b.FRONTIER | spec), MISSING)) == [prepared]


def test_a_frontier_that_was_there_is_not_prepared_again():
    planned = plan(JOB, MISSING)
    assert writes(planned) == []
    assert condition(planned, "FrontierIntact")["reason"] == "SentinelMissing"
    assert planned.status["phase"] == "Blocked"


def test_another_layout_is_not_written_to():
    state = replace(b.frontier_state(), layout="frontier/9")
    planned = plan(JOB, Frontier(state), memory=JobMemory())
    assert writes(planned) == []
    message = condition(planned, "FrontierIntact")["message"]
    assert "'frontier/9', this operator knows 'frontier/1'" in message


def test_a_frontier_that_was_set_back_goes_on_but_has_no_end():
    memory = JobMemory(highest_done=4, politeness=b.politeness_mark(JOB))
    planned = plan(JOB, b.frontier_answer(9000, done=3, ledger_parts={"closed": True}), memory=memory)
    assert writes(planned) == [ReopenFrontier()]
    assert planned.status["workers"]["desired"] == 2
    assert condition(planned, "FrontierIntact")["reason"] == "CountersFellBack"
    assert condition(planned, "Progressing")["reason"] == "Crawling"
    assert planned.memory.highest_done == 4
    for closed in (False, True):
        look = b.frontier_answer(done=3, ledger_parts={"closed": closed})
        at_the_end = plan(JOB, look, memory=planned.memory, now=NOW + 60)
        assert condition(at_the_end, "Complete") is None
        assert CloseFrontier(3) not in writes(at_the_end)
    caught_up = until_it_closes(JOB, b.frontier_answer(done=4), memory=memory)
    assert writes(caught_up) == [CloseFrontier(4)]


@pytest.mark.parametrize(
    ("memory", "refused"),
    [
        (RedisMemory(10, 100, "allkeys-lru"), True),
        (RedisMemory(10, 100, "volatile-ttl"), True),
        (RedisMemory(10, 100, "noeviction"), False),
        (RedisMemory(10, 0, "allkeys-lru"), False),
        (None, False),
    ],
)
def test_a_redis_that_evicts_is_refused(memory, refused):
    job = b.job(b.FRONTIER)
    planned = plan(job, replace(MISSING, memory=memory))
    assert (writes(planned) == []) == refused
    if refused:
        assert condition(planned, "FrontierObservable")["reason"] == "RedisEvicts"
        assert "set maxmemory-policy to noeviction" in condition(planned, "Progressing")["message"]
        assert planned.status["phase"] == "Blocked"
    mended = plan(Job({**job.body, "status": planned.status}), MISSING)
    assert writes(mended) == [PrepareFrontier("unseeded", ())]


# while it crawls


def test_nothing_is_written_at_rest():
    assert writes(plan(JOB, b.frontier_answer(50, in_flight=3))) == []


def test_a_change_of_the_spec_reaches_both_stores():
    spec = b.FRONTIER | {"politeness": {"default": {"delayMilliseconds": 5}}, "maxRequestsPerHost": 4}
    job = b.job(spec, conditions=(b.INTACT,))
    planned = plan(job, b.frontier_answer(50), memory=JobMemory(politeness=b.politeness_mark(JOB)))
    assert [type(action) for action in writes(planned)] == [SetPoliteness, SetLimits]
    assert planned.memory.politeness == b.politeness_mark(job)
    assert [type(a) for a in writes(plan(job, b.frontier_answer(50), memory=planned.memory))] == [SetLimits]


def test_the_numbers_in_the_status():
    ledger = {"delayed": 4, "dead": 2}
    counters = {"left_out:host_cap": 7, "left_out:other": 1, "losses": 3, "known": 9}
    planned = plan(JOB, b.frontier_answer(50, in_flight=3, done=8, ledger_parts=ledger, counters=counters))
    frontier = planned.status["frontier"]
    assert (frontier["queued"], frontier["inFlight"], frontier["done"]) == (50, 3, 8)
    assert (frontier["delayed"], frontier["dead"], frontier["hostsReady"]) == (4, 2, 2)
    assert (frontier["leftOut"], frontier["losses"]) == (8, 3)


def test_a_look_from_the_cache_is_enough_for_a_tick():
    look = b.frontier_answer(0, in_flight=3, ledger_parts={"still_seconds": 2.0})
    first = plan(JOB, look)
    job = Job({**JOB.body, "status": first.status})
    planned = plan(job, look, b.children(job, 1), memory=first.memory)
    assert writes(planned) == [Tick()]
    assert planned.changes(job)
    assert not planned.decides(Job({**job.body, "status": planned.status}))


def test_a_worker_that_is_gone_is_cleared_up_after():
    beats = (b.beat(age=5),)
    parts = {"pace": replace(b.PACE, held_slots=1)}
    planned = plan(JOB, b.frontier_answer(0, in_flight=3, workers=beats, ledger_parts=parts))
    assert writes(planned) == [Reap("pod-1:r1", blame=False)]
    assert planned.decides(JOB), "only from what the API server has now"
    later = plan(JOB, b.frontier_answer(3, ledger_parts=parts), memory=planned.memory, now=NOW + 3)
    assert writes(later) == [ConfirmDead(("pod-1:r1",))]
    assert later.memory.heard == {}


# suspended


def test_a_suspended_job_gets_back_what_lost_workers_held():
    job = b.job(b.FRONTIER | {"suspend": True}, conditions=(b.INTACT,))
    look = b.frontier_answer(4, in_flight=3, ledger_parts={"still_seconds": 2.0, "ownerless": 3})
    planned = plan(job, look)
    assert writes(planned) == [Reap(), Tick()]
    assert planned.look_again == 1.0
    assert plan(job, b.frontier_answer(7)).look_again is None


def test_a_suspended_job_is_open():
    job = b.job(b.FRONTIER | {"suspend": True}, conditions=(b.INTACT,))
    assert writes(plan(job, b.frontier_answer(0, ledger_parts={"closed": True}))) == [ReopenFrontier()]


# the end


def test_the_frontier_closes_before_the_job_is_complete():
    planned = until_it_closes(JOB, b.frontier_answer(done=5))
    assert writes(planned) == [CloseFrontier(5)]
    assert condition(planned, "Complete") is None
    assert planned.look_again < 1
    closed = plan(JOB, b.frontier_answer(done=5, ledger_parts={"closed": True}), memory=planned.memory, now=NOW + 11)
    assert condition(closed, "Complete")["reason"] == "CrawlFinished"
    assert closed.status["phase"] == "Complete"
    assert writes(closed) == []


def test_a_frontier_that_did_not_close_goes_on():
    planned = until_it_closes(JOB, b.frontier_answer(done=5))
    late = plan(JOB, b.frontier_answer(1, done=5), memory=planned.memory, now=NOW + 11)
    assert writes(late) == []
    assert condition(late, "Complete") is None


def test_a_url_that_comes_after_the_close_opens_it_again():
    job = b.job(b.FRONTIER | b.REDIS_KEY, conditions=(b.INTACT,))
    planned = plan(job, b.frontier_answer(done=5, start_urls=1, ledger_parts={"closed": True}))
    assert writes(planned) == [ReopenFrontier()]
    assert condition(planned, "Complete") is None


def test_an_emptied_redis_is_no_end():
    planned = until_it_closes(JOB, b.frontier_answer(done=5))
    emptied = plan(JOB, MISSING, memory=planned.memory, now=NOW + 11)
    assert writes(emptied) == []
    assert condition(emptied, "Complete") is None


def test_as_many_pages_as_were_asked_for():
    job = b.job(b.FRONTIER | {"stopAfter": {"pages": 5}}, conditions=(b.INTACT,))
    planned = plan(job, b.frontier_answer(70, done=5, ledger_parts={"limits": Limits(0, 5, 3)}))
    complete = condition(planned, "Complete")
    assert (complete["status"], complete["reason"]) == ("True", "PageLimitReached")
    assert complete["message"] == "5 requests are done, as many as stopAfter.pages allows"
    assert planned.status["workers"]["desired"] == 0


# replay


REPLAY = b.FRONTIER | {"replay": {"token": "1"}}


def test_a_replay_from_its_token_to_its_end():
    job = b.job(REPLAY, conditions=(b.INTACT,))
    look = b.frontier_answer(done=5, ledger_parts={"dead": 2})
    first = plan(job, look)
    assert first.status["replay"] == {"token": "1", "through": str(int(NOW * 1000)), "completed": False}
    assert writes(first) == []
    assert first.decides(job)
    told = Job({**job.body, "status": first.status})
    second = plan(told, look, memory=first.memory)
    assert writes(second) == [ReplayDead(Replay("1"), str(int(NOW * 1000)))]
    third = plan(told, b.frontier_answer(2, done=5), memory=replace(second.memory, replayed="1"))
    assert third.status["replay"]["completed"]
    fourth = plan(Job({**job.body, "status": third.status}), b.frontier_answer(2, done=5), memory=third.memory)
    assert writes(fourth) == []


def test_a_job_does_not_end_before_its_replay():
    begun = {"replay": {"token": "1", "through": "5", "completed": False}}
    job = b.job(REPLAY, conditions=(b.INTACT,), status=begun)
    planned = until_it_closes(job, b.frontier_answer(done=5, ledger_parts={"dead": 2, "closed": True}))
    assert writes(planned) == [ReopenFrontier(), ReplayDead(Replay("1"), "5")]
    assert condition(planned, "Complete") is None


def test_a_job_at_its_end_is_left_alone():
    job = b.job(REPLAY, conditions=(b.INTACT, b.COMPLETE))
    assert writes(plan(job, b.frontier_answer(3, in_flight=1, ledger_parts={"still_seconds": 9.0}))) == []


# leaving


def test_the_keys_go_before_the_finalizer():
    job = b.job(b.FRONTIER | b.EXTERNAL, finalizers=["crawlfleet.io/redis-keys"], deletionTimestamp=b.stamp())
    planned = plan(job, b.frontier_answer(3), Children())
    assert planned.actions == (DropKeys(), SetFinalizers(()))
