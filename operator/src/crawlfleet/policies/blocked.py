"""Does something stand in the way, since when, and is the deadline over?"""

from crawlfleet.children.worker import template_hash
from crawlfleet.conditions import Condition, ConditionType, Reason
from crawlfleet.diagnose import FATAL_REASONS, Diagnosis, diagnose_redis, diagnose_workers
from crawlfleet.job import Body, Job, parse_time
from crawlfleet.names import TEMPLATE_LABEL
from crawlfleet.observed import Observed, Unobservable
from crawlfleet.policies.frontier_health import Health


def find_blocker(observed: Observed, health: Health) -> Diagnosis | None:
    """Return what blocks the job: its Redis' pod, Redis itself, its workers; None where it may go on."""
    children = observed.children
    if observed.job.redis_managed and isinstance(observed.frontier, Unobservable):
        redis = diagnose_redis(children.redis_pods, children.claim_events, observed.now)
        if redis:
            return redis
    if health.trouble:
        return Diagnosis(health.trouble.reason, health.trouble.message)
    beats = health.snapshot.workers if health.snapshot else ()
    workers = diagnose_workers(_of_present_spec(observed), children.deployment, beats, observed.now)
    return _steady(observed.job, workers or held_fatal(observed.job))


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
    if found.reason is Reason.IMAGE_PULL_FAILED and len(condition["message"]) > len(found.message):
        return Diagnosis(found.reason, condition["message"])
    return found


def held_fatal(job: Job) -> Diagnosis | None:
    """Return the fatal reason that the status remembers, while the spec is still the one it was found with.

    The pods that showed it are gone by then: the workers were scaled to zero for it.
    """
    condition = job.condition(ConditionType.PROGRESSING)
    if condition is None or condition["status"] != "False":
        return None
    if condition.get("observedGeneration") != job.generation or condition["reason"] not in FATAL_REASONS:
        return None
    return Diagnosis(Reason(condition["reason"]), condition["message"])


def deadline_exceeded(job: Job, blocker: Diagnosis, now: float) -> Condition | None:
    """Return the Failed condition where the job has been blocked for `progressDeadlineSeconds`."""
    condition = job.condition(ConditionType.PROGRESSING)
    if condition is None or condition["status"] != "False" or condition["reason"] == Reason.SUSPENDED:
        return None
    if now - parse_time(condition["lastTransitionTime"]) < job.progress_deadline_seconds:
        return None
    return Condition(
        ConditionType.FAILED,
        True,
        Reason.PROGRESS_DEADLINE_EXCEEDED,
        f"blocked for {job.progress_deadline_seconds:g} s by {blocker.reason}: {blocker.message}",
    )
