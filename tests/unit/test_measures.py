"""What /metrics shows of jobs and of the operator."""

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from crawlfleet import __version__, measures
from crawlfleet.observed import Frontier
from tests import builders as b

LABELS = {"namespace": "crawls", "crawljob": "books"}
COUNTERS = {
    "pages:2xx": 90,
    "pages:other": 1,
    "errors:timeout": 3,
    "items": 80,
    "items_dropped": 2,
    "response_bytes": 7,
}


@pytest.fixture
def shown():
    """A registry, and a job that was looked at."""
    taken = measures.Measures(CollectorRegistry(), lambda: 4)
    status = {
        "phase": "Running",
        "workers": {"desired": 5},
        "completionTime": b.stamp(10),
    }
    job = b.job(conditions=(b.CRAWLING,), status=status)
    pods = (b.pod(job, "w1"), b.pod(job, "w2"))
    workers = (b.beat("w1", in_flight=3), b.beat("w2", age=9, in_flight=4), b.beat("gone", age=9, in_flight=8))
    look = b.answer(100, start_urls=5, done=91, seen=200, items=9, counters=COUNTERS, workers=workers)
    taken.observed(job, b.observed(job, look, b.children(job, 5, ready=2, worker_pods=pods)))
    return taken, job


def value(taken, name, **labels):
    return taken.registry.get_sample_value(f"crawlfleet_crawljob_{name}", {**LABELS, **labels})


@pytest.mark.parametrize(
    ("name", "labels", "expected"),
    [
        ("queued_requests", {}, 105),
        ("in_flight_requests", {}, 7),
        ("seen_requests", {}, 200),
        ("stored_items", {}, 9),
        ("requests_done_total", {}, 91),
        ("pages_total", {"status_class": "2xx"}, 90),
        ("pages_total", {"status_class": "5xx"}, 0),
        ("pages_total", {"status_class": "other"}, 1),
        ("errors_total", {"kind": "timeout"}, 3),
        ("errors_total", {"kind": "dns"}, 0),
        ("items_total", {}, 80),
        ("items_dropped_total", {}, 2),
        ("response_bytes_total", {}, 7),
        ("workers_desired", {}, 5),
        ("workers_ready", {}, 2),
        ("redis_memory_bytes", {}, 1000),
        ("redis_max_memory_bytes", {}, 4000),
        ("condition", {"condition": "Progressing", "status": "true", "reason": "Crawling"}, 1),
        ("condition", {"condition": "Progressing", "status": "false", "reason": "Crawling"}, None),
        ("phase", {"phase": "Running"}, 1),
        ("phase", {"phase": "Complete"}, None),
        ("created_timestamp_seconds", {}, b.NOW - 3600),
        ("completion_timestamp_seconds", {}, b.NOW - 10),
    ],
)
def test_a_jobs_series(shown, name, labels, expected):
    assert value(shown[0], name, **labels) == expected


def test_the_series_of_a_deleted_job_vanish(shown):
    taken, job = shown
    assert b'crawljob="books"' in generate_latest(taken.registry)
    taken.forget(job.uid)
    assert b'crawljob="books"' not in generate_latest(taken.registry)


def test_a_job_made_anew_is_another(shown):
    taken, _ = shown
    second = b.job(uid="second")
    taken.forget(b.UID)
    taken.observed(second, b.observed(second, b.answer(1)))
    assert value(taken, "queued_requests") == 1


def test_without_an_answer_the_last_one_stays_and_grows_old(shown, monkeypatch):
    taken, job = shown
    later = measures.time.monotonic() + 60
    monkeypatch.setattr(measures.time, "monotonic", lambda: later)
    taken.observed(job, b.observed(job, b.AWAY, b.children(job, 5, ready=1)))
    assert value(taken, "queued_requests") == 105
    assert value(taken, "workers_ready") == 1
    assert value(taken, "frontier_age_seconds") == pytest.approx(60, abs=5)


def test_a_redis_that_never_answered_shows_no_numbers():
    taken = measures.Measures(CollectorRegistry(), lambda: 0)
    job = b.job()
    taken.observed(job, b.observed(job, b.AWAY))
    counted = ("requests_done_total", "items_total", "items_dropped_total", "response_bytes_total")
    for name in ("queued_requests", *counted, "redis_memory_bytes", "frontier_age_seconds"):
        assert value(taken, name) is None, "Unknown is not zero"
    assert value(taken, "pages_total", status_class="2xx") is None
    assert value(taken, "phase", phase="Pending") == 1


def test_a_redis_without_a_maximum_and_one_that_hides_its_memory():
    taken = measures.Measures(CollectorRegistry(), lambda: 0)
    job = b.job()
    look = b.answer(1)
    taken.observed(job, b.observed(job, Frontier(look.snapshot, measures.RedisMemory(5, 0))))
    assert value(taken, "redis_max_memory_bytes") is None
    taken.observed(job, b.observed(job, Frontier(look.snapshot, None)))
    assert value(taken, "redis_memory_bytes") is None


def test_the_operators_own_series():
    taken = measures.Measures(CollectorRegistry(), lambda: 4)
    taken.reconciled("changed", 0.02)
    taken.reconciled("failed", 0.02)
    taken.failed(OSError("refused"))
    deployment = b.deployment(b.job(), 3)
    taken.scaled(deployment, 1, 0.4)
    taken.scaled(deployment, 3, 0.4)
    taken.scaled({"kind": "Service"}, 1, 0.4)

    def sample(name, **labels):
        return taken.registry.get_sample_value(f"crawlfleet_operator_{name}", labels)

    assert sample("reconciles_total", result="changed") == 1
    assert sample("reconciles_total", result="unchanged") == 0
    assert sample("reconcile_errors_total", error="OSError") == 1
    assert sample("reconcile_duration_seconds_count") == 2
    assert sample("scale_delay_seconds_count") == 1
    assert sample("scale_delay_seconds_sum") == 0.4
    assert sample("queue_length") == 4
    assert sample("build_info", version=__version__) == 1
