"""What is to be done for one job: `plan(observed, settings)` is pure and asks the policies in their order."""

from dataclasses import replace
from typing import Any

from crawlfleet import departure, frontier_plan, verdicts
from crawlfleet import status as job_status
from crawlfleet.actions import Action, DeleteJob, ForgetWorkers, PrepareFrontier
from crawlfleet.conditions import merge
from crawlfleet.job import format_time
from crawlfleet.notes import notes_of
from crawlfleet.observed import Observed, Unobservable
from crawlfleet.plans import Plan, PlanSettings
from crawlfleet.policies import frontier_health, liveness, seed
from crawlfleet.policies.frontier_health import Health
from crawlfleet.policies.liveness import Liveness
from crawlfleet.upkeep import children_actions
from crawlfleet.verdicts import Verdict


def plan(observed: Observed, settings: PlanSettings) -> Plan:
    """Decide what one look at one job asks for."""
    if observed.job.deleting_since is not None:
        return departure.leave(observed)
    health = frontier_health.judge(observed)
    living = _liveness(observed)
    if observed.job.finished:
        verdict = verdicts.finished(observed)
    elif observed.job.suspended:
        verdict = verdicts.suspended(observed, health)
    else:
        verdict = verdicts.running(observed, health, living)
    frontier = frontier_plan.plan(observed, health, verdict)
    actions = (
        *children_actions(observed, settings, verdict.desired),
        *_redis_writes(observed, health, living),
        *frontier.actions,
    )
    written = _written(observed, health, living, replace(verdict, memory=frontier.memory), actions)
    if frontier.replay is None or written.status is None:
        return written
    return replace(written, status={**written.status, "replay": dict(frontier.replay)})


def _liveness(observed: Observed) -> Liveness:
    if isinstance(observed.frontier, Unobservable):
        return Liveness(0, 0, ())
    pods = frozenset(pod["metadata"]["uid"] for pod in observed.children.worker_pods)
    return liveness.of(observed.frontier.snapshot, pods)


def _redis_writes(observed: Observed, health: Health, living: Liveness) -> tuple[Action, ...]:
    job = observed.job
    if health.prepare and not (job.suspended or job.finished):
        urls = job.seed_urls if job.seed_type == "Inline" else ()
        return (PrepareFrontier(seed.first_seed_state(job), urls),)
    return (ForgetWorkers(living.forgotten),) if living.forgotten else ()


def _written(
    observed: Observed, health: Health, living: Liveness, verdict: Verdict, actions: tuple[Action, ...]
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
    verdict: Verdict,
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
