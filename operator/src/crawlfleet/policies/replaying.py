"""Is a replay of dead letters asked for, and how far is it? Once per token (`engine: Frontier`).

The token goes into the status first, with the id of the youngest letter that is meant; so whoever goes on with it
after an operator's death replays nothing twice: what died again is younger.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crawlfleet import frontier_spec
from crawlfleet.actions import ReplayDead
from crawlfleet.crawl_state import Ledger
from crawlfleet.job import Job
from crawlfleet.observed import JobMemory


@dataclass(frozen=True, slots=True)
class Replaying:
    """What to do now, and what the status is to say."""

    action: ReplayDead | None = None
    status: Mapping[str, Any] | None = None
    """None: as it is."""

    @property
    def due(self) -> bool:
        """Whether letters are about to be queued, so that the job is not at its end."""
        return self.status is not None or self.action is not None


def judge(job: Job, ledger: Ledger, memory: JobMemory) -> Replaying:
    """Judge one look."""
    wanted = frontier_spec.replay(job)
    told = job.status.get("replay") or {}
    if wanted is None or (told.get("token") == wanted.token and told.get("completed")):
        return Replaying()
    if told.get("token") != wanted.token:
        begun = {"token": wanted.token, "through": str(ledger.time_ms), "completed": False}
        return Replaying(status=begun)
    if memory.replayed == wanted.token:
        return Replaying(status={**told, "completed": True})
    return Replaying(ReplayDead(wanted, str(told["through"])))
