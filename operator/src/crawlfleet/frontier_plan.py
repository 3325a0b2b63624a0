"""What a look at a job asks to be written to its frontier: the policies of `engine: Frontier`, in their order."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from crawlfleet import frontier_spec
from crawlfleet.actions import Action
from crawlfleet.observed import JobMemory, Observed
from crawlfleet.policies import frontier_upkeep, lost_workers, replaying
from crawlfleet.policies.frontier_health import Health
from crawlfleet.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class FrontierPlan:
    """Actions, what to remember, and what the status says of a replay (None: what it said)."""

    actions: tuple[Action, ...]
    memory: JobMemory
    replay: Mapping[str, Any] | None = None


def plan(observed: Observed, health: Health, verdict: Verdict) -> FrontierPlan:
    """Decide for one look; nothing for a job at its end, without an answer of Redis, or with ScrapyRedis."""
    job, memory = observed.job, verdict.memory
    state = health.snapshot
    ledger = state.ledger if state else None
    if state is None or ledger is None or job.finished or verdict.ended:
        return FrontierPlan((), memory)
    replays = replaying.judge(job, ledger, memory)
    lost = lost_workers.judge(state, ledger, observed.children.worker_pods, memory.heard, observed.now)
    actions: list[Action] = [
        *frontier_upkeep.settings(job, ledger, memory),
        *frontier_upkeep.gate(ledger, ends=verdict.closes, goes_on=not verdict.closes),
        *([replays.action] if replays.action else []),
        *lost.reaps,
        *([lost.confirmed] if lost.confirmed else []),
        *frontier_upkeep.clock(ledger, state.in_flight),
    ]
    mark = frontier_upkeep.policy_mark(ledger, frontier_spec.politeness(job).version)
    return FrontierPlan(tuple(actions), replace(memory, heard=lost.heard, politeness=mark), replays.status)
