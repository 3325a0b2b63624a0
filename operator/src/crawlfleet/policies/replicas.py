"""How many workers this job gets now, all things considered: seeding, first worker, queue, holds and stops."""

from dataclasses import dataclass, replace

from crawlfleet.conditions import Condition, ConditionType, Reason
from crawlfleet.crawl_state import CrawlState
from crawlfleet.job import Job
from crawlfleet.observed import JobMemory
from crawlfleet.policies import seed
from crawlfleet.scaling import Rates, Recommendation, recommend, remember, stabilise


@dataclass(frozen=True, slots=True)
class Replicas:
    """The number, why it is no other, and what to remember."""

    desired: int
    limited: Condition
    memory: JobMemory


def decide(
    job: Job, snapshot: CrawlState | None, in_flight: int, current: int, memory: JobMemory, now: float
) -> Replicas:
    """Return the replicas of a job that runs (not suspended, blocked for good or finished)."""
    if snapshot is None:
        held = current if job.scaling_type == "Queue" else min(current, job.worker_replicas)
        message = "Redis gives no usable answer: the number of workers is held"
        return Replicas(held, _limited(Reason.FRONTIER_UNKNOWN, message), memory)
    wanted = _wanted(job, snapshot, in_flight)
    if not snapshot.started and wanted.workers > 1:
        wanted = Recommendation(1, Reason.FIRST_WORKER, "more workers follow when the first one has reported")
    if job.scaling_type != "Queue" or wanted.limited is Reason.FIRST_WORKER:
        return Replicas(wanted.workers, _limited(wanted.limited, wanted.message), memory)
    return _stabilised(job, wanted, current, memory, now)


def _wanted(job: Job, snapshot: CrawlState, in_flight: int) -> Recommendation:
    if seed.needs_seeder(job, snapshot):
        return Recommendation(
            1, Reason.FIRST_WORKER, "one worker runs the spider's start(); more follow when it is through"
        )
    if job.scaling_type != "Queue":
        message = f"scaling.type is {job.scaling_type}: workers.replicas counts"
        return Recommendation(job.worker_replicas, Reason.WITHIN_BOUNDS, message)
    due = snapshot.ledger.due if snapshot.ledger else 0
    backlog = max(0, snapshot.queued) + max(0, snapshot.start_urls) + due + in_flight
    return recommend(backlog, job.queue_scaling, Rates())


def _stabilised(job: Job, wanted: Recommendation, current: int, memory: JobMemory, now: float) -> Replicas:
    seconds = job.queue_scaling.stabilization_seconds
    since = memory.watched_since if memory.watched_since is not None else now
    window = remember(memory.recommendations, now, wanted.workers, seconds)
    desired = stabilise(window, current, wanted.workers, watched=now - since >= seconds)
    desired = min(desired, job.queue_scaling.max_replicas)  # lowered by the user: at once
    memory = replace(memory, recommendations=window, watched_since=since)
    return Replicas(desired, _limited(wanted.limited, wanted.message), memory)


def _limited(reason: Reason, message: str) -> Condition:
    return Condition(ConditionType.SCALING_LIMITED, reason is not Reason.WITHIN_BOUNDS, reason, message)
