"""What is to be done for a job that is being deleted."""

from typing import Final

from crawlfleet import names
from crawlfleet.actions import DeleteWorkers, DropKeys, SetFinalizers
from crawlfleet.observed import Observed, Unobservable
from crawlfleet.plans import Plan

KEYS_PATIENCE_SECONDS: Final = 60.0
"""How long a deletion waits for an external Redis before it leaves the keys behind."""


def leave(observed: Observed) -> Plan:
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
