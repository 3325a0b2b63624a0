"""Pods as kubelet and scheduler describe them, and what the operator says of them."""

import pytest

from crawlfleet.conditions import Reason
from crawlfleet.diagnose import FATAL_REASONS, WORKER_EXITS, diagnose_redis, diagnose_workers
from tests import builders as b
from tests.builders import NOW

JOB = b.job()
NOT_FOUND = (
    "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
    'unable to start container process: exec: "crawlfleet-worker": executable file not found in $PATH: unknown'
)
BACK_OFF = b.waiting("CrashLoopBackOff", "back-off 10s restarting failed container=worker pod=books-worker")
PULL = 'failed to pull and unpack image "registry.example/books:1": not found'
NO_ROOM = "0/1 nodes are available: 1 Insufficient memory."
UNBOUND = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims."
QUOTA = 'pods "books-worker-1" is forbidden: exceeded quota: compute, requested: pods=1'


def unscheduled(message, seconds=10):
    return {
        "status": "False",
        "reason": "Unschedulable",
        "message": message,
        "lastTransitionTime": b.stamp(seconds),
    }


def diagnose(*pods, beats=(), deployment=None):
    return diagnose_workers(pods, deployment, beats, NOW)


@pytest.mark.parametrize(
    ("pod", "reason", "words"),
    [
        pytest.param({"state": b.waiting("ErrImagePull", PULL)}, Reason.IMAGE_PULL_FAILED, "not found", id="pull"),
        pytest.param(
            {"state": b.waiting("ImagePullBackOff", "Back-off pulling image")},
            Reason.IMAGE_PULL_FAILED,
            "Back-off",
            id="pull, waiting",
        ),
        pytest.param(
            {"state": b.waiting("InvalidImageName", "couldn't parse image name")},
            Reason.IMAGE_PULL_FAILED,
            "parse",
            id="image name",
        ),
        pytest.param(
            {"state": b.waiting("ErrImageNeverPull")}, Reason.IMAGE_PULL_FAILED, "ErrImageNeverPull", id="never pull"
        ),
        pytest.param(
            {"state": b.waiting("CreateContainerConfigError", 'secret "shared" not found')},
            Reason.CONTAINER_CONFIG_INVALID,
            'secret "shared" not found',
            id="config",
        ),
        pytest.param(
            {"state": b.terminated(128, NOT_FOUND, "StartError")},
            Reason.WORKER_PACKAGE_MISSING,
            "crawlfleet[worker]",
            id="no package",
        ),
        pytest.param(
            {"state": BACK_OFF, "last": b.terminated(128, NOT_FOUND, "StartError")},
            Reason.WORKER_PACKAGE_MISSING,
            "image registry.example/books:1",
            id="no package, started again",
        ),
        pytest.param(
            {"state": b.terminated(137, "", "OOMKilled")}, Reason.OUT_OF_MEMORY, "limits.memory", id="out of memory"
        ),
        pytest.param(
            {"state": BACK_OFF, "last": b.terminated(137, "", "OOMKilled")},
            Reason.OUT_OF_MEMORY,
            "limits.memory",
            id="out of memory, waiting",
        ),
        pytest.param(
            {"state": BACK_OFF, "last": b.terminated(1)}, Reason.CRASH_LOOPING, "exited with 1", id="crash loop"
        ),
        pytest.param(
            {"state": BACK_OFF, "last": b.terminated(1, "Segmentation fault\n")},
            Reason.CRASH_LOOPING,
            "container worker: Segmentation fault",
            id="crash loop with words",
        ),
        pytest.param(
            {"scheduled": unscheduled(NO_ROOM), "phase": "Pending"}, Reason.UNSCHEDULABLE, "Insufficient", id="no room"
        ),
        pytest.param(
            {"scheduled": unscheduled(UNBOUND), "phase": "Pending"}, Reason.VOLUME_NOT_BOUND, "unbound", id="no volume"
        ),
    ],
)
def test_why_a_worker_does_not_run(pod, reason, words):
    found = diagnose(b.pod(JOB, **pod))
    assert found.reason == reason
    assert words in found.message


@pytest.mark.parametrize("code", sorted(WORKER_EXITS))
def test_exit_codes_of_the_worker(code):
    now = diagnose(b.pod(JOB, state=b.terminated(code, "its own words")))
    waiting = diagnose(b.pod(JOB, state=BACK_OFF, last=b.terminated(code, "its own words")))
    again = diagnose(b.pod(JOB, state=b.running(1), last=b.terminated(code, "its own words")))
    for found in (now, waiting):
        assert (found.reason, found.message) == (WORKER_EXITS[code].reason, "its own words")
        assert found.fatal == WORKER_EXITS[code].fatal
    assert (again is not None) == WORKER_EXITS[code].fatal, "a worker that runs again may be mended, unless it is fatal"


def test_a_fatal_exit_counts_though_others_work():
    bad = b.pod(JOB, "bad", state=b.terminated(65, "no spider"))
    good = b.pod(JOB, "good", state=b.running())
    assert diagnose(bad, good, beats=[b.beat("good")]).reason == Reason.SPIDER_NOT_FOUND


@pytest.mark.parametrize(
    "trouble",
    [
        {"state": b.terminated(137, "", "OOMKilled")},
        {"state": b.waiting("ImagePullBackOff", "Back-off")},
        {"scheduled": unscheduled(NO_ROOM)},
        {"state": b.running(600)},
    ],
    ids=["killed", "pull", "no room", "silent"],
)
def test_one_worker_at_work_is_progress(trouble):
    pods = [b.pod(JOB, "bad", **trouble), b.pod(JOB, "good", state=b.running())]
    assert diagnose(*pods, beats=[b.beat("good", age=11)]) is None
    assert diagnose(*pods, beats=[b.beat("good", age=12)]) is not None
    assert diagnose(*pods, beats=[b.beat("another job's")]) is not None


@pytest.mark.parametrize(
    "pod",
    [
        pytest.param({"phase": "Pending"}, id="new"),
        pytest.param({"state": b.waiting("ContainerCreating"), "phase": "Pending"}, id="creating"),
        pytest.param({"state": b.running(29)}, id="running for less than the patience"),
        pytest.param({"state": b.terminated(0, reason="Completed")}, id="drained"),
        pytest.param({"state": b.running(1), "last": b.terminated(0)}, id="drained and up again"),
        pytest.param({"scheduled": unscheduled(NO_ROOM, seconds=3)}, id="unscheduled for three seconds"),
        pytest.param({"scheduled": {"status": "True", "lastTransitionTime": b.stamp()}}, id="scheduled"),
        pytest.param(
            {"state": b.terminated(65, "no spider"), "deletionTimestamp": b.stamp()}, id="on its way out, bad spider"
        ),
        pytest.param({"state": b.running(600), "deletionTimestamp": b.stamp()}, id="on its way out, silent"),
        pytest.param({"state": b.terminated(137), "phase": "Failed"}, id="evicted"),
        pytest.param({"phase": "Failed", "scheduled": unscheduled(NO_ROOM)}, id="evicted before it ran"),
    ],
)
def test_no_reason_to_complain(pod):
    assert diagnose(b.pod(JOB, **pod)) is None


def test_a_worker_without_a_word():
    found = diagnose(b.pod(JOB, state=b.running(30)))
    assert found.reason == Reason.NO_HEARTBEAT
    assert "books-pod-1" in found.message
    assert not found.fatal


def test_without_redis_nobody_is_called_silent():
    assert diagnose_workers([b.pod(JOB, state=b.running(600))], None, None, NOW) is None
    stuck = b.pod(JOB, state=b.waiting("ErrImagePull", PULL))
    assert diagnose_workers([stuck], None, None, NOW).reason == Reason.IMAGE_PULL_FAILED


def failing(status="True"):
    condition = {"type": "ReplicaFailure", "status": status, "reason": "FailedCreate", "message": QUOTA}
    return {"status": {"conditions": [{"type": "Available", "status": "False"}, condition]}}


def test_pods_that_are_refused():
    assert diagnose(deployment=failing()).message == QUOTA
    assert diagnose(deployment=failing()).reason == Reason.PODS_REJECTED
    assert diagnose(deployment=failing("False")) is None
    assert diagnose(deployment={}) is None
    assert diagnose(b.pod(JOB, phase="Pending"), deployment=failing()) is None


@pytest.mark.parametrize(
    ("pod", "events", "reason", "message"),
    [
        ({"state": b.running()}, (), None, None),
        ({"scheduled": unscheduled(UNBOUND)}, (), Reason.VOLUME_NOT_BOUND, f"Redis: {UNBOUND}"),
        (
            {"scheduled": unscheduled(UNBOUND)},
            ("old", 'storageclass "fast" not found'),
            Reason.VOLUME_NOT_BOUND,
            'Redis\' claim is not bound: storageclass "fast" not found',
        ),
        ({"scheduled": unscheduled(NO_ROOM)}, ("an event",), Reason.UNSCHEDULABLE, f"Redis: {NO_ROOM}"),
        ({"state": b.waiting("ErrImagePull", PULL)}, (), Reason.IMAGE_PULL_FAILED, f"Redis: {PULL}"),
        ({"state": b.terminated(1, "Bad directive")}, (), Reason.CRASH_LOOPING, "container redis: Bad directive"),
        ({"state": b.terminated(1), "phase": "Failed"}, (), None, None),
    ],
)
def test_why_redis_does_not_run(pod, events, reason, message):
    found = diagnose_redis([b.pod(JOB, component="redis", **pod)], events, NOW)
    assert (found.reason, found.message) == (reason, message) if reason else found is None


def test_what_is_fatal():
    assert (
        frozenset(
            {
                Reason.CONTRACT_BROKEN,
                Reason.SPIDER_NOT_FOUND,
                Reason.SPIDER_IMPORT_FAILED,
                Reason.SPIDER_START_FAILED,
                Reason.UNSUPPORTED_SCRAPY,
                Reason.LAYOUT_MISMATCH,
                Reason.WORKER_PACKAGE_MISSING,
            }
        )
        == FATAL_REASONS
    )
