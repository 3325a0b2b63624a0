"""Does something stand in the way, since when, and is the deadline over?"""

from crawlfleet.children.worker import template_hash
from crawlfleet.conditions import Condition, ConditionType, Reason
from crawlfleet.diagnose import (
    CRASH_REASONS,
    FATAL_REASONS,
    Diagnosis,
    diagnose_redis,
    diagnose_workers,
    is_heard,
)
from crawlfleet.job import Body, Job, parse_time
from crawlfleet.names import TEMPLATE_LABEL
from crawlfleet.observed import Observed, Unobservable
from crawlfleet.policies.frontier_health import Health


def find_blocker(observed: Observed, health: Health) -> Diagnosis | None:
    """Return what blocks the job: its Redis' pod, Redis itself, its workers; None where it may go on."""
    children = observed.children
    if held := held_fatal(observed.job):
        return held
    if observed.job.redis_managed and isinstance(observed.frontier, Unobservable):
        redis = diagnose_redis(children.redis_pods, children.claim_events, observed.now)
        if redis:
            return _steady(observed.job, redis)
    if health.trouble:
        return Diagnosis(health.trouble.reason, health.trouble.message)
    beats = health.snapshot.workers if health.snapshot else None
    workers = diagnose_workers(_of_present_spec(observed), children.deployment, beats, observed.now)
    return _steady(observed.job, workers) or _still_crashing(observed, health)


def _of_present_spec(observed: Observed) -> list[Body]:
    template = template_hash(observed.job)
    return [
        pod
        for pod in observed.children.worker_pods
        if pod["metadata"].get("labels", {}).get(TEMPLATE_LABEL) == template
    ]


def _steady(job: Job, found: Diagnosis | None) -> Diagnosis | None:
    """Keep the message that the status has where kubelet only alternates it with "Back-off pulling image"."""
    condition = job.condition(ConditionType.PROGRESSING)
    if found is None or condition is None or condition["reason"] != found.reason:
        return found
    if condition.get("observedGeneration") != job.generation:
        return found
    if found.reason is Reason.IMAGE_PULL_FAILED and len(condition["message"]) > len(found.message):
        return Diagnosis(found.reason, condition["message"])
    return found


def _still_crashing(observed: Observed, health: Health) -> Diagnosis | None:
    """Hold a crash that the status tells until a worker reports: a container that starts again proves nothing yet."""
    condition = observed.job.condition(ConditionType.PROGRESSING)
    if condition is None or condition["reason"] not in CRASH_REASONS:
        return None
    crash = Diagnosis(Reason(condition["reason"]), condition["message"])
    if not is_recorded(observed.job, crash) or not _of_present_spec(observed):
        return None
    heard = health.snapshot is not None and any(is_heard(beat) for beat in health.snapshot.workers)
    return None if heard else crash


def held_fatal(job: Job) -> Diagnosis | None:
    """Return the fatal reason that the status remembers, while the spec is still the one it was found with.

    The pods that showed it are gone by then: the workers were scaled to zero for it.
    """
    condition = job.condition(ConditionType.PROGRESSING)
    if condition is None or condition["reason"] not in FATAL_REASONS:
        return None
    found = Diagnosis(Reason(condition["reason"]), condition["message"])
    return found if is_recorded(job, found) and not _said_of_redis(job, found) else None


def is_recorded(job: Job, blocker: Diagnosis) -> bool:
    """Whether the status gives this reason, for the present spec."""
    condition = job.condition(ConditionType.PROGRESSING)
    if condition is None or condition["status"] != "False":
        return False
    return condition["reason"] == blocker.reason and condition.get("observedGeneration") == job.generation


def _said_of_redis(job: Job, found: Diagnosis) -> bool:
    """Whether the reason is that of the state in Redis, which every look judges anew."""
    intact = job.condition(ConditionType.FRONTIER_INTACT)
    return intact is not None and intact["status"] == "False" and intact["reason"] == found.reason


def deadline_exceeded(job: Job, blocker: Diagnosis, now: float) -> Condition | None:
    """Return the Failed condition where the job has been blocked for `progressDeadlineSeconds`."""
    condition = job.condition(ConditionType.PROGRESSING)
    if condition is None or condition["status"] != "False" or condition["reason"] == Reason.SUSPENDED:
        return None
    if now - _blocked_since(job, condition) < job.progress_deadline_seconds:
        return None
    return Condition(
        ConditionType.FAILED,
        True,
        Reason.PROGRESS_DEADLINE_EXCEEDED,
        f"blocked for {job.progress_deadline_seconds:g} s by {blocker.reason}: {blocker.message}",
    )


def _blocked_since(job: Job, progressing: Body) -> float:
    """Return when the job began to be blocked; the time before the end of a suspension does not count."""
    since = parse_time(progressing["lastTransitionTime"])
    suspended = job.condition(ConditionType.SUSPENDED)
    if suspended is None or suspended["status"] != "False":
        return since
    return max(since, parse_time(suspended["lastTransitionTime"]))
