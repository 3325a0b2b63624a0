"""Which children are to be applied: those that are missing, changed by us, or changed by somebody else."""

from typing import Any

from crawlfleet import names
from crawlfleet.actions import Action, Apply, CreateRedisSecret, SetFinalizers
from crawlfleet.children import redis as redis_children
from crawlfleet.children import worker as worker_children
from crawlfleet.job import Body
from crawlfleet.observed import JobMemory, Observed
from crawlfleet.plans import PlanSettings


def children_actions(observed: Observed, settings: PlanSettings, desired: int) -> tuple[Action, ...]:
    """Return what makes the children what the job asks for, with `desired` workers."""
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
