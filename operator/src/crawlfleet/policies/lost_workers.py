"""Which workers have ended, and what of theirs is to be freed? (`engine: Frontier`)

Workers reap each other after six seconds of silence. The operator knows more: a pod that is gone was stopped or
evicted, which its requests are not blamed for; a container that ended took its connections with it. Silence is asked
for in any case: a status can be older than a restart, and a pod object can be gone before its processes are (a node
that was cut off). Such a process closes its sockets by itself when it could not beat for as long as makes it fenced;
its slots are not freed before that.
"""

from collections.abc import Iterable, Mapping
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

CUT_OFF_MARGIN_SECONDS: Final = 2.0
"""Beyond the silence after which a worker that is cut off has closed its sockets."""


@dataclass(frozen=True, slots=True)
class Lost:
    """What is to be freed, and whose end is still to be confirmed."""

    reaps: tuple[Reap, ...]
    confirmed: ConfirmDead | None
    heard: Mapping[str, float]
    """Epochs that may still hold slots of hosts, and when each was last heard."""


def judge(state: CrawlState, ledger: Ledger, pods: Iterable[Body], heard: Mapping[str, float], now: float) -> Lost:
    """Judge the workers of one look; `heard`: what the look before returned."""
    by_uid = {pod["metadata"]["uid"]: pod for pod in pods}
    known = _known(state, heard, now)
    ended = [epoch for epoch in known if now - known[epoch] > FRESH_SECONDS and _has_ended(by_uid.get(pod_uid(epoch)))]
    cut_off = ledger.silence_seconds + CUT_OFF_MARGIN_SECONDS
    certain = sorted(each for each in ended if pod_uid(each) in by_uid or now - known[each] >= cut_off)[:MOST]
    holds = ledger.pace is not None and ledger.pace.held_slots > 0
    return Lost(
        reaps=_reaps(state, ledger, by_uid, frozenset(ended)),
        confirmed=ConfirmDead(tuple(certain)) if certain and holds else None,
        heard={epoch: at for epoch, at in known.items() if epoch not in certain},
    )


def _known(state: CrawlState, heard: Mapping[str, float], now: float) -> dict[str, float]:
    """Return when each worker was last heard; a pod's next process clears up after the one before."""
    spoken = {beat.pod_uid for beat in state.workers if beat.age_seconds <= FRESH_SECONDS}
    before = {epoch: at for epoch, at in heard.items() if pod_uid(epoch) not in spoken}
    return before | {beat.worker_id: now - beat.age_seconds for beat in state.workers}


def pod_uid(epoch: str) -> str:
    """Return the pod that the process of this epoch runs, or ran, in."""
    return epoch.partition(":")[0]


def _reaps(state: CrawlState, ledger: Ledger, pods: Mapping[str, Body], ended: frozenset[str]) -> tuple[Reap, ...]:
    anybody = any(beat.age_seconds <= FRESH_SECONDS for beat in state.workers)
    reaps = [_reap(beat, pods) for beat in state.workers if beat.worker_id in ended]
    silent = any(beat.age_seconds > ledger.silence_seconds for beat in state.workers)
    if not anybody and (silent or ledger.ownerless):
        reaps.append(Reap())
    return tuple(reaps)


def _reap(beat: WorkerBeat, pods: Mapping[str, Body]) -> Reap:
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
