"""Which workers have ended, and what of theirs is to be freed? (`engine: Frontier`)

Workers reap each other after six seconds of silence. The operator knows more: a pod that is gone was stopped or
evicted, which its requests are not blamed for; a container that ended took its connections with it. Silence is asked
for in any case: a pod object can be gone before its processes are, and a status can be older than a restart.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from crawlfleet.actions import ConfirmDead, Reap
from crawlfleet.crawl_state import CrawlState, Ledger
from crawlfleet.job import Body
from crawlfleet.names import WORKER_CONTAINER
from crawlfleet.policies.liveness import FRESH_SECONDS
from crawlfleet_frontier import WorkerBeat

MOST: Final = 500
"""Epochs confirmed in one action."""


@dataclass(frozen=True, slots=True)
class Lost:
    """What is to be freed, and whose end is still to be confirmed."""

    reaps: tuple[Reap, ...]
    confirmed: ConfirmDead | None
    heard: frozenset[str]
    """Epochs that may still hold slots of hosts."""


def judge(state: CrawlState, ledger: Ledger, pods: Iterable[Body], heard: frozenset[str]) -> Lost:
    """Judge the workers of one look; `heard`: epochs of earlier looks that were not confirmed to have ended."""
    by_uid = {pod["metadata"]["uid"]: pod for pod in pods}
    fresh = {beat.worker_id for beat in state.workers if beat.age_seconds <= FRESH_SECONDS}
    spoken = {pod_uid(epoch) for epoch in fresh}
    # A pod's next process clears up after the one before.
    known = {epoch for epoch in heard if pod_uid(epoch) not in spoken} | {beat.worker_id for beat in state.workers}
    ended = sorted(epoch for epoch in known - fresh if _has_ended(by_uid.get(pod_uid(epoch))))[:MOST]
    holds = ledger.pace is not None and ledger.pace.held_slots > 0
    return Lost(
        reaps=_reaps(state, ledger, by_uid, frozenset(ended), anybody=bool(fresh)),
        confirmed=ConfirmDead(tuple(ended)) if ended and holds else None,
        heard=frozenset(known.difference(ended)),
    )


def pod_uid(epoch: str) -> str:
    """Return the pod that the process of this epoch runs, or ran, in."""
    return epoch.partition(":")[0]


def _reaps(
    state: CrawlState, ledger: Ledger, pods: dict[str, Body], ended: frozenset[str], *, anybody: bool
) -> tuple[Reap, ...]:
    reaps = [_reap(beat, pods) for beat in state.workers if beat.worker_id in ended]
    silent = any(beat.age_seconds > ledger.silence_seconds for beat in state.workers)
    if not anybody and (silent or ledger.ownerless):
        reaps.append(Reap())
    return tuple(reaps)


def _reap(beat: WorkerBeat, pods: dict[str, Body]) -> Reap:
    pod = pods.get(beat.pod_uid)
    return Reap(beat.worker_id, blame=pod is not None and not _was_sent_away(pod))


def _was_sent_away(pod: Body) -> bool:
    """Whether the pod was deleted, or evicted from its node: no fault of the requests in its hands."""
    return "deletionTimestamp" in pod["metadata"] or (pod.get("status") or {}).get("reason") == "Evicted"


def _has_ended(pod: Body | None) -> bool:
    """Whether no process can be left of the worker in this pod: the pod is gone, or its container does not run."""
    if pod is None:
        return True
    status = pod.get("status") or {}
    if status.get("phase") in ("Failed", "Succeeded"):
        return True
    containers = [each for each in status.get("containerStatuses") or () if each.get("name") == WORKER_CONTAINER]
    return bool(containers) and all("running" not in (each.get("state") or {}) for each in containers)
