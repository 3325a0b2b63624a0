"""What the policies make of a job that is finished, suspended or running: replicas, conditions, the next look."""

from dataclasses import dataclass, replace
from typing import Final

from crawlfleet import frontier_spec
from crawlfleet.conditions import Condition, ConditionType, Reason
from crawlfleet.crawl_state import CrawlState
from crawlfleet.diagnose import Diagnosis
from crawlfleet.job import Job
from crawlfleet.observed import JobMemory, Observed, Unobservable
from crawlfleet.policies import blocked, finish, looking, replaying, replicas, seed, ttl
from crawlfleet.policies.frontier_health import Health
from crawlfleet.policies.liveness import Liveness

STARTING: Final = Condition(
    ConditionType.PROGRESSING, True, Reason.STARTING, "Redis and the first worker are coming up"
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the policies say, before it is put into a status and actions."""

    desired: int
    conditions: tuple[Condition, ...]
    memory: JobMemory
    look_again: float | None
    at_rest: bool = False
    ended: bool = False
    closes: bool = False
    """Whether the end was seen and the frontier is to agree."""


def finished(observed: Observed) -> Verdict:
    """Judge a job at its end: no workers, and its time to live."""
    left = ttl.seconds_left(observed.job, observed.now)
    return Verdict(0, (), observed.memory, left)


def suspended(observed: Observed, health: Health) -> Verdict:
    """Judge a suspended job: no workers, everything else is kept."""
    message = "spec.suspend is true; set it to false to go on where the crawl stopped"
    held = health.snapshot is not None and health.snapshot.ledger is not None and health.snapshot.in_flight > 0
    conditions = (
        Condition(ConditionType.SUSPENDED, True, Reason.SUSPENDED, message),
        Condition(ConditionType.PROGRESSING, False, Reason.SUSPENDED, message),
        *health.conditions,
    )
    memory = replace(
        finish.interrupted(observed.memory),
        unobservable_since=health.unobservable_since,
        highest_done=health.highest_done,
    )
    look_again = looking.BUSY_SECONDS if held else None  # what lost workers held is given back meanwhile
    return Verdict(0, conditions if observed.children.deployment else conditions[:2], memory, look_again)


def running(observed: Observed, health: Health, living: Liveness) -> Verdict:
    """Judge a job that is to go on: what blocks it, how many workers it gets, whether it has ended."""
    job, now = observed.job, observed.now
    memory = replace(observed.memory, unobservable_since=health.unobservable_since, highest_done=health.highest_done)
    blocker = blocked.find_blocker(observed, health)
    scale = replicas.decide(job, health.snapshot, living.in_flight, observed.children.replicas, memory, now)
    ended = _judge_end(observed, health, living, scale.memory)
    verdict = Verdict(
        desired=0 if ended.ended else _unless_fatal(observed, blocker, scale.desired),
        conditions=(
            *_resumed(job),
            *health.conditions,
            *_limited(observed, health, scale.limited),
            _progress(observed, health, blocker, idle=ended.idle),
        ),
        memory=ended.memory,
        look_again=_next_look(observed, health, ended, blocker),
        at_rest=blocker is None and _is_at_rest(observed, health, ended),
        ended=ended.ended,
        closes=ended.closes,
    )
    return _at_an_end(observed, verdict, blocker, ended)


def _unless_fatal(observed: Observed, blocker: Diagnosis | None, desired: int) -> int:
    """Return 0 for a fatal blocker, but only once the status says why: the pods that showed it go away."""
    if blocker is None or not blocker.fatal:
        return desired
    return 0 if blocked.is_recorded(observed.job, blocker) else observed.children.replicas


def _limited(observed: Observed, health: Health, limited: Condition) -> tuple[Condition, ...]:
    """Return ScalingLimited, unless a short gap of Redis would only have it written there and back."""
    gap = isinstance(observed.frontier, Unobservable) and health.trouble is None
    return () if gap and observed.job.condition(ConditionType.SCALING_LIMITED) else (limited,)


def _judge_end(observed: Observed, health: Health, living: Liveness, memory: JobMemory) -> finish.Finish:
    if health.snapshot is None or health.set_back or _replays(observed, health.snapshot):
        return finish.Finish(idle=False, ended=False, memory=finish.interrupted(memory))
    return finish.judge(
        health.snapshot,
        memory,
        observed.now,
        seeded=seed.is_seeded(observed.job, health.snapshot),
        busy=living.busy,
        idle_seconds=observed.job.idle_seconds,
    )


def _replays(observed: Observed, state: CrawlState) -> bool:
    """Whether dead letters are about to be queued again."""
    return state.ledger is not None and replaying.judge(observed.job, state.ledger, observed.memory).due


def _resumed(job: Job) -> tuple[Condition, ...]:
    return (Condition(ConditionType.SUSPENDED, False, Reason.RUNNING, "spec.suspend is false"),)


def _progress(observed: Observed, health: Health, blocker: Diagnosis | None, *, idle: bool) -> Condition:
    if blocker:
        return Condition(ConditionType.PROGRESSING, False, blocker.reason, blocker.message)
    if isinstance(observed.frontier, Unobservable):
        return _held_progress(observed.job)
    return _progress_of(observed.job, health.snapshot, idle=idle)


def _progress_of(job: Job, snapshot: CrawlState | None, *, idle: bool) -> Condition:
    type_ = ConditionType.PROGRESSING
    if snapshot is None or not snapshot.started:
        waits = idle or seed.awaits_urls(job, snapshot)
        return Condition(type_, True, Reason.IDLE, "no URLs yet") if waits else STARTING
    if seed.needs_seeder(job, snapshot):
        return Condition(type_, True, Reason.SEEDING, "one worker runs the spider's start()")
    if idle:
        return Condition(type_, True, Reason.IDLE, "nothing is queued or in flight")
    return Condition(type_, True, Reason.CRAWLING, "requests are queued or in flight")


def _held_progress(job: Job) -> Condition:
    """Return what the status says, while Redis gives no answer and that is not yet a trouble."""
    kept = job.condition(ConditionType.PROGRESSING)
    if kept is None or kept["status"] != "True":
        return STARTING
    return Condition(ConditionType.PROGRESSING, True, Reason(kept["reason"]), kept["message"])


def _completed(job: Job, ended: finish.Finish) -> Condition:
    if ended.at_limit:
        pages = frontier_spec.limits(job).stop_pages
        message = f"{pages} requests are done, as many as stopAfter.pages allows"
        return Condition(ConditionType.COMPLETE, True, Reason.PAGE_LIMIT_REACHED, message)
    message = f"nothing queued or in flight for {job.idle_seconds:g} s"
    return Condition(ConditionType.COMPLETE, True, Reason.CRAWL_FINISHED, message)


def _at_an_end(observed: Observed, verdict: Verdict, blocker: Diagnosis | None, ended: finish.Finish) -> Verdict:
    """Turn a verdict into Complete or Failed where the job has come to its end."""
    if verdict.ended:
        end = _completed(observed.job, ended)
    else:
        failed = blocked.deadline_exceeded(observed.job, blocker, observed.now) if blocker else None
        if failed is None:
            return verdict
        end = failed
    progress = Condition(ConditionType.PROGRESSING, False, Reason.FINISHED, end.message)
    kept = tuple(c for c in verdict.conditions if c.type is not ConditionType.PROGRESSING)
    return replace(verdict, desired=0, conditions=(*kept, progress, end), ended=True, look_again=1.0)


def _next_look(observed: Observed, health: Health, ended: finish.Finish, blocker: Diagnosis | None) -> float:
    if ended.closes:
        return looking.CLOSING_SECONDS
    if blocker and blocker.fatal and not blocked.is_recorded(observed.job, blocker):
        return 0.0
    if health.snapshot is None and health.unobservable_since is not None:
        return looking.after_gap(observed.now - health.unobservable_since)
    if seed.awaits_urls(observed.job, health.snapshot):
        return looking.LONGEST_SECONDS
    since = ended.memory.idle_since
    if since is None:
        return looking.BUSY_SECONDS
    return looking.until_the_end(observed.now - since, observed.job.idle_seconds)


def _is_at_rest(observed: Observed, health: Health, ended: finish.Finish) -> bool:
    """Whether nothing happens and nothing is about to, so that the looks at all such jobs share a budget."""
    since = ended.memory.idle_since
    idle = since is not None and observed.now - since > looking.REST_AFTER_SECONDS
    return idle or seed.awaits_urls(observed.job, health.snapshot)
