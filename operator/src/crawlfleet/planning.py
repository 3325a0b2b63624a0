"""What is to be done for one job: `plan(observed, settings)` is pure and asks the policies in their order."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from crawlfleet import names
from crawlfleet import status as job_status
from crawlfleet.actions import (
    Action,
    Apply,
    CreateRedisSecret,
    DeleteJob,
    DeleteWorkers,
    DropKeys,
    ForgetWorkers,
    PrepareFrontier,
    SetFinalizers,
)
from crawlfleet.children import redis as redis_children
from crawlfleet.children import worker as worker_children
from crawlfleet.conditions import Condition, ConditionType, Reason, merge
from crawlfleet.diagnose import Diagnosis
from crawlfleet.job import Body, Job, format_time
from crawlfleet.notes import Note, notes_of
from crawlfleet.observed import JobMemory, Observed, Unobservable
from crawlfleet.policies import blocked, finish, frontier_health, liveness, looking, replicas, seed, ttl
from crawlfleet.policies.frontier_health import Health
from crawlfleet.policies.liveness import Liveness
from crawlfleet_frontier import Snapshot

KEYS_PATIENCE_SECONDS = 60.0
"""How long a deletion waits for an external Redis before it leaves the keys behind."""

STARTING: Final = Condition(
    ConditionType.PROGRESSING, True, Reason.STARTING, "Redis and the first worker are coming up"
)


@dataclass(frozen=True, slots=True)
class PlanSettings:
    """The operator's settings that plans depend on."""

    redis_image: str
    redis_resources: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, to write, to remember, and when to look again."""

    actions: tuple[Action, ...] = ()
    status: Mapping[str, Any] | None = None
    """The whole wanted status; None where none is to be written (a job that is being deleted)."""
    notes: tuple[Note, ...] = ()
    memory: JobMemory = field(default_factory=JobMemory)
    look_again: float | None = None
    """Seconds, at the latest; None: at the next event or resync."""
    at_rest: bool = False
    """Whether the next look may come earlier, as the budget of all jobs at rest allows."""

    def changes(self, job: Job) -> bool:
        """Whether anything is to be written."""
        return bool(self.actions) or (self.status is not None and self.status != job.status)

    def decides(self, job: Job) -> bool:
        """Whether more than counters is to be written, so that a cached look is not enough."""
        if self.actions:
            return True
        return self.status is not None and self.status.get("conditions") != job.status.get("conditions")


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What the policies say, before it is put into words and actions."""

    desired: int
    conditions: tuple[Condition, ...]
    memory: JobMemory
    look_again: float | None
    at_rest: bool = False
    ended: bool = False


def plan(observed: Observed, settings: PlanSettings) -> Plan:
    """Decide what one look at one job asks for."""
    if observed.job.deleting_since is not None:
        return _leave(observed)
    health = frontier_health.judge(observed)
    living = _liveness(observed)
    if observed.job.finished:
        verdict = _finished(observed)
    elif observed.job.suspended:
        verdict = _suspended(observed, health)
    else:
        verdict = _running(observed, health, living)
    actions = (*_children(observed, settings, verdict.desired), *_redis_writes(observed, health, living))
    return _written(observed, health, living, verdict, actions)


def _liveness(observed: Observed) -> Liveness:
    if isinstance(observed.frontier, Unobservable):
        return Liveness(0, 0, ())
    pods = frozenset(pod["metadata"]["uid"] for pod in observed.children.worker_pods)
    return liveness.judge(observed.frontier.snapshot.workers, pods)


def _finished(observed: Observed) -> _Verdict:
    left = ttl.seconds_left(observed.job, observed.now)
    return _Verdict(0, (), observed.memory, left)


def _suspended(observed: Observed, health: Health) -> _Verdict:
    message = "spec.suspend is true; set it to false to go on where the crawl stopped"
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
    return _Verdict(0, conditions if observed.children.deployment else conditions[:2], memory, None)


def _running(observed: Observed, health: Health, living: Liveness) -> _Verdict:
    job, now = observed.job, observed.now
    memory = replace(observed.memory, unobservable_since=health.unobservable_since, highest_done=health.highest_done)
    blocker = blocked.find_blocker(observed, health)
    scale = replicas.decide(job, health.snapshot, living.in_flight, observed.children.replicas, memory, now)
    ended = _judge_end(observed, health, living, scale.memory)
    verdict = _Verdict(
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
    )
    return _at_an_end(observed, verdict, blocker)


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
    if health.snapshot is None:
        return finish.Finish(idle=False, ended=False, memory=finish.interrupted(memory))
    return finish.judge(
        health.snapshot,
        memory,
        observed.now,
        seeded=seed.is_seeded(observed.job, health.snapshot),
        busy=living.busy,
        idle_seconds=observed.job.idle_seconds,
    )


def _resumed(job: Job) -> tuple[Condition, ...]:
    return (Condition(ConditionType.SUSPENDED, False, Reason.RUNNING, "spec.suspend is false"),)


def _progress(observed: Observed, health: Health, blocker: Diagnosis | None, *, idle: bool) -> Condition:
    if blocker:
        return Condition(ConditionType.PROGRESSING, False, blocker.reason, blocker.message)
    if isinstance(observed.frontier, Unobservable):
        return _held_progress(observed.job)
    return _progress_of(observed.job, health.snapshot, idle=idle)


def _progress_of(job: Job, snapshot: Snapshot | None, *, idle: bool) -> Condition:
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


def _at_an_end(observed: Observed, verdict: _Verdict, blocker: Diagnosis | None) -> _Verdict:
    """Turn a verdict into Complete or Failed where the job has come to its end."""
    if verdict.ended:
        message = f"nothing queued or in flight for {observed.job.idle_seconds:g} s"
        end = Condition(ConditionType.COMPLETE, True, Reason.CRAWL_FINISHED, message)
    else:
        failed = blocked.deadline_exceeded(observed.job, blocker, observed.now) if blocker else None
        if failed is None:
            return verdict
        end = failed
    progress = Condition(ConditionType.PROGRESSING, False, Reason.FINISHED, end.message)
    kept = tuple(c for c in verdict.conditions if c.type is not ConditionType.PROGRESSING)
    return replace(verdict, desired=0, conditions=(*kept, progress, end), ended=True, look_again=1.0)


def _next_look(observed: Observed, health: Health, ended: finish.Finish, blocker: Diagnosis | None) -> float:
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


def _children(observed: Observed, settings: PlanSettings, desired: int) -> tuple[Action, ...]:
    job, children = observed.job, observed.children
    if children.deployment is None and (job.suspended or job.finished):
        return ()
    actions: list[Action] = []
    if job.redis_managed:
        if not children.secret_exists:
            actions.append(CreateRedisSecret())
        actions += _apply(observed, redis_children.service(job), children.service)
        actions += _statefulset(observed, settings)
    elif names.FINALIZER not in job.finalizers:
        actions.append(SetFinalizers((*job.finalizers, names.FINALIZER)))
    actions += _apply(observed, worker_children.deployment(job, desired), children.deployment)
    return tuple(actions)


def _statefulset(observed: Observed, settings: PlanSettings) -> tuple[Action, ...]:
    """Apply Redis' StatefulSet, but never restart a running Redis because the operator's own settings changed."""
    present = observed.children.statefulset
    wanted = redis_children.statefulset(observed.job, settings.redis_image, settings.redis_resources)
    if present is not None and _operator_settings(present) != _operator_settings(wanted):
        return ()
    return _apply(observed, wanted, present)


def _operator_settings(statefulset: Body) -> tuple[str, Body]:
    container = statefulset["spec"]["template"]["spec"]["containers"][0]
    return container["image"], container.get("resources") or {}


def _apply(observed: Observed, wanted: dict[str, Any], present: Body | None) -> tuple[Action, ...]:
    if present is not None and _is_applied(observed.memory, wanted, present):
        return ()
    return (Apply(wanted),)


def _is_applied(memory: JobMemory, wanted: Body, present: Body) -> bool:
    key = names.APPLIED_ANNOTATION
    if present["metadata"].get("annotations", {}).get(key) != wanted["metadata"]["annotations"][key]:
        return False
    if wanted["spec"].get("replicas") != present["spec"].get("replicas"):
        return False
    ours = memory.applied_generations.get(wanted["kind"])
    return ours is None or ours == int(present["metadata"].get("generation", 0))  # a Service has none


def _redis_writes(observed: Observed, health: Health, living: Liveness) -> tuple[Action, ...]:
    job = observed.job
    if health.prepare and not (job.suspended or job.finished):
        urls = job.seed_urls if job.seed_type == "Inline" else ()
        return (PrepareFrontier(seed.first_seed_state(job), urls),)
    return (ForgetWorkers(living.forgotten),) if living.forgotten else ()


def _written(
    observed: Observed, health: Health, living: Liveness, verdict: _Verdict, actions: tuple[Action, ...]
) -> Plan:
    job, now = observed.job, observed.now
    conditions = merge(job.status.get("conditions", ()), verdict.conditions, job.generation, now)
    due = conditions != job.status.get("conditions", [])
    status = _status(observed, health, living, verdict, conditions, due=due)
    if verdict.look_again is not None and job.finished and verdict.look_again <= 0:
        return Plan(actions=(DeleteJob(),), memory=verdict.memory)
    return Plan(
        actions=actions,
        status=status,
        notes=notes_of(job.status.get("conditions", ()), conditions),
        memory=verdict.memory,
        look_again=verdict.look_again,
        at_rest=verdict.at_rest,
    )


def _status(
    observed: Observed,
    health: Health,
    living: Liveness,
    verdict: _Verdict,
    conditions: list[dict[str, Any]],
    *,
    due: bool,
) -> dict[str, Any]:
    job, now = observed.job, observed.now
    exact = verdict.ended or job.finished
    numbers = job_status.frontier_counters(health.snapshot, living, exact=exact) if health.snapshot else None
    status: dict[str, Any] = {
        **job.status,
        "observedGeneration": job.generation,
        "phase": job_status.phase(conditions),
        "workers": job_status.workers_status(job, observed.children, verdict.desired),
        "conditions": conditions,
    }
    frontier = job_status.frontier_status(job.status.get("frontier") or {}, numbers, now, due=due or exact)
    if frontier:
        status["frontier"] = frontier
    if "startTime" not in status and not job.suspended:
        status["startTime"] = format_time(now)
    if verdict.ended and "completionTime" not in status:
        status["completionTime"] = format_time(now)
    return status


def _leave(observed: Observed) -> Plan:
    """Plan for a job that is being deleted: workers first, then the keys in an external Redis, then the finalizer."""
    job, children = observed.job, observed.children
    if names.FINALIZER not in job.finalizers:
        return Plan(memory=observed.memory)
    if children.deployment is not None or children.worker_pods:
        return Plan(actions=(DeleteWorkers(),), memory=observed.memory, look_again=1.0)
    rest = tuple(name for name in job.finalizers if name != names.FINALIZER)
    waited = observed.now - (job.deleting_since or observed.now)
    if isinstance(observed.frontier, Unobservable) and waited < KEYS_PATIENCE_SECONDS:
        return Plan(memory=observed.memory, look_again=2.0)
    drop = () if isinstance(observed.frontier, Unobservable) else (DropKeys(),)
    return Plan(actions=(*drop, SetFinalizers(rest)), memory=observed.memory)
