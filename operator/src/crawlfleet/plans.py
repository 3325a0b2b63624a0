"""What a plan is: the answer of `planning`, which `execute` carries out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from crawlfleet.actions import Action, Tick
from crawlfleet.job import Job
from crawlfleet.notes import Note
from crawlfleet.observed import JobMemory


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
        if any(not isinstance(action, Tick) for action in self.actions):
            return True
        return self.status is not None and any(
            self.status.get(part) != job.status.get(part) for part in ("conditions", "replay")
        )
