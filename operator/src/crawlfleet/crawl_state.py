"""What one look at a job's Redis says, whichever engine runs the crawl. Pure values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from crawlfleet_frontier import WorkerBeat

SeedState = Literal["unseeded", "seeding", "seeded"]


@dataclass(frozen=True, slots=True)
class CrawlState:
    """One consistent look; numbers are requests unless named otherwise."""

    layout: str | None
    """By which layout Redis was written; None where the sentinel is missing: then every other number means nothing."""
    expected_layout: str
    """The layout that this operator's scripts know."""
    seed_state: SeedState = "unseeded"
    started: bool = False
    """Whether any worker ever reported."""
    queued: int = 0
    """-1 where the queue's key holds a type that is no queue."""
    start_urls: int = 0
    """Seeds that no worker has taken yet; -1 where their key is no queue."""
    in_flight: int = 0
    """Requests in workers' hands, as they or the frontier say."""
    done: int = 0
    """Requests that left a worker's engine for good. Never falls, unless Redis was set back."""
    seen: int = 0
    items: int = 0
    """Items in the list that no one has drained."""
    counters: Mapping[str, int] = field(default_factory=dict)
    workers: tuple[WorkerBeat, ...] = ()

    @property
    def intact(self) -> bool:
        """Whether the sentinel is there."""
        return self.layout is not None

    @property
    def seeded(self) -> bool:
        """Whether all seeds have been admitted."""
        return self.seed_state == "seeded"

    def family(self, name: str) -> dict[str, int]:
        """Return a labelled counter family: `family("pages")` is `{"2xx": 12, …}`."""
        prefix = f"{name}:"
        return {key.removeprefix(prefix): n for key, n in self.counters.items() if key.startswith(prefix)}
