"""Why pods do not run, in Kubernetes' and the worker's own words: pods in, one `Diagnosis` or None out."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from crawlfleet.conditions import Reason
from crawlfleet.job import Body, parse_time
from crawlfleet_frontier import WorkerBeat

FIRST_BEAT_SECONDS: Final = 30.0
"""A worker container that runs this long without a word is reported: Python and Scrapy take a while on a full node."""

ALIVE_SECONDS: Final = 12
"""A worker that spoke this short ago works."""

SCHEDULING_SECONDS: Final = 8.0
"""A pod may wait this long for its node or its claim before that is called a reason."""


@dataclass(frozen=True, slots=True)
class WorkerExit:
    """What an exit code of the worker means (the table in `docs/contract.md`)."""

    reason: Reason
    fatal: bool
    """Starting again cannot help."""


WORKER_EXITS: Final = {
    64: WorkerExit(Reason.CONTRACT_BROKEN, fatal=True),
    65: WorkerExit(Reason.SPIDER_NOT_FOUND, fatal=True),
    66: WorkerExit(Reason.SPIDER_IMPORT_FAILED, fatal=True),
    67: WorkerExit(Reason.SPIDER_START_FAILED, fatal=True),
    68: WorkerExit(Reason.UNSUPPORTED_SCRAPY, fatal=True),
    70: WorkerExit(Reason.WORKER_CRASHED, fatal=False),
    77: WorkerExit(Reason.REDIS_ACCESS_DENIED, fatal=False),
    78: WorkerExit(Reason.LAYOUT_MISMATCH, fatal=True),
}

FATAL_REASONS: Final = frozenset(
    {exit_.reason for exit_ in WORKER_EXITS.values() if exit_.fatal} | {Reason.WORKER_PACKAGE_MISSING}
)
"""The workers stay at zero until the spec changes."""

CRASH_REASONS: Final = frozenset({Reason.OUT_OF_MEMORY, Reason.CRASH_LOOPING, Reason.WORKER_CRASHED})
"""The container is started again by kubelet, and may well end again."""

PULL_REASONS: Final = frozenset({"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"})
CONFIG_REASONS: Final = frozenset({"CreateContainerConfigError", "CreateContainerError"})


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What keeps pods from running."""

    reason: Reason
    message: str

    @property
    def fatal(self) -> bool:
        """Whether only a change of the spec can help."""
        return self.reason in FATAL_REASONS


def diagnose_redis(pods: Sequence[Body], claim_events: Sequence[str], now: float) -> Diagnosis | None:
    """Say why the job's Redis does not run; None where it does, or is on its way."""
    present = [pod for pod in pods if _is_present(pod)]
    found = _first(present, (_crash, _waiting, partial(_unscheduled, now=now)))
    if found and found.reason is Reason.VOLUME_NOT_BOUND and claim_events:
        return Diagnosis(found.reason, f"Redis' claim is not bound: {claim_events[-1]}")
    if found and found.reason not in (Reason.OUT_OF_MEMORY, Reason.CRASH_LOOPING):
        return Diagnosis(found.reason, f"Redis: {found.message}")
    return found


def diagnose_workers(
    pods: Sequence[Body], deployment: Body | None, beats: Iterable[WorkerBeat] | None, now: float
) -> Diagnosis | None:
    """Say why no worker works; None where one does, or all are on their way.

    `beats` None: Redis gives no answer, and every worker that runs is taken to be alive.
    """
    present = [pod for pod in pods if _is_present(pod)]
    if beats is None:
        alive = {pod["metadata"]["uid"] for pod in present if any(_runs(c) for c in _containers(pod))}
    else:
        alive = {beat.pod_uid for beat in beats if is_heard(beat)}
    fatal = _first(present, (_crash,))
    if fatal and fatal.fatal:
        return fatal
    if any(pod["metadata"]["uid"] in alive for pod in present):
        return None
    found = fatal or _first(present, (_waiting, partial(_unscheduled, now=now)))
    if found is None and not present:
        found = _rejected(deployment)
    return found or _silent(present, alive, now)


def is_heard(beat: WorkerBeat) -> bool:
    """Whether the worker reported lately."""
    return beat.age_seconds < ALIVE_SECONDS


def _first(pods: Sequence[Body], checks: Iterable[Callable[[Body], Diagnosis | None]]) -> Diagnosis | None:
    for check in checks:
        for pod in pods:
            if diagnosis := check(pod):
                return diagnosis
    return None


def _is_present(pod: Body) -> bool:
    """Whether the pod is still to do something: not evicted (such a one stays as a record), nor on its way out."""
    ended = (pod.get("status") or {}).get("phase") in ("Failed", "Succeeded")
    return not ended and "deletionTimestamp" not in pod["metadata"]


def _runs(container: Body) -> bool:
    return "running" in (container.get("state") or {})


def _containers(pod: Body) -> list[dict[str, Any]]:
    return (pod.get("status") or {}).get("containerStatuses") or []


def _crash(pod: Body) -> Diagnosis | None:
    for container in _containers(pod):
        ended = (container.get("state") or {}).get("terminated") or (container.get("lastState") or {}).get("terminated")
        running = "running" in (container.get("state") or {})
        if ended and (diagnosis := _ended(container, ended, running=running)):
            return diagnosis
    return None


def _ended(container: Body, ended: Body, *, running: bool) -> Diagnosis | None:
    message = (ended.get("message") or "").strip() or f"container exited with {ended.get('exitCode')}"
    if "crawlfleet-worker" in message and ended.get("exitCode") in (127, 128):
        return Diagnosis(
            Reason.WORKER_PACKAGE_MISSING,
            f"image {container.get('image')} has no command crawlfleet-worker: derive it from the Crawlfleet "
            "worker image, or install the package crawlfleet[worker] in it",
        )
    exit_ = WORKER_EXITS.get(int(ended.get("exitCode", 0)))
    if exit_ and (exit_.fatal or not running):
        return Diagnosis(exit_.reason, message)
    if running or ended.get("exitCode") == 0:
        return None
    if ended.get("reason") == "OOMKilled":
        return Diagnosis(
            Reason.OUT_OF_MEMORY,
            f"container {container['name']} was killed at its memory limit: raise resources.limits.memory",
        )
    return Diagnosis(Reason.CRASH_LOOPING, f"container {container['name']}: {message}")


def _waiting(pod: Body) -> Diagnosis | None:
    for container in _containers(pod):
        waiting = (container.get("state") or {}).get("waiting")
        if not waiting:
            continue
        message = waiting.get("message") or waiting.get("reason", "")
        if waiting.get("reason") in PULL_REASONS:
            return Diagnosis(Reason.IMAGE_PULL_FAILED, message)
        if waiting.get("reason") in CONFIG_REASONS:
            return Diagnosis(Reason.CONTAINER_CONFIG_INVALID, message)
    return None


def _unscheduled(pod: Body, now: float) -> Diagnosis | None:
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            if now - parse_time(condition["lastTransitionTime"]) < SCHEDULING_SECONDS:
                continue
            message = condition.get("message") or "not scheduled yet"
            unbound = "PersistentVolumeClaim" in message or "persistentvolumeclaim" in message
            return Diagnosis(Reason.VOLUME_NOT_BOUND if unbound else Reason.UNSCHEDULABLE, message)
    return None


def _rejected(deployment: Body | None) -> Diagnosis | None:
    for condition in ((deployment or {}).get("status") or {}).get("conditions") or ():
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            return Diagnosis(Reason.PODS_REJECTED, condition.get("message", "pods cannot be created"))
    return None


def _silent(pods: Sequence[Body], alive: set[str], now: float) -> Diagnosis | None:
    for pod in pods:
        for container in _containers(pod):
            started = ((container.get("state") or {}).get("running") or {}).get("startedAt")
            silent = pod["metadata"]["uid"] not in alive
            if started and silent and now - parse_time(started) >= FIRST_BEAT_SECONDS:
                return Diagnosis(
                    Reason.NO_HEARTBEAT,
                    f"pod {pod['metadata']['name']} runs image {container.get('image')} but its worker never "
                    "reported to Redis: see its logs (kubectl logs)",
                )
    return None
