"""What one look at a job's Redis says, whichever engine runs the crawl. Pure values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from crawlfleet.frontier_spec import Limits
from crawlfleet_frontier import WorkerBeat

SeedState = Literal["unseeded", "seeding", "seeded"]


@dataclass(frozen=True, slots=True)
class Pace:
    """How the hosts of a job stand; numbers of hosts unless named otherwise."""

    store_id: str
    """Another one means that the pace store was made anew."""
    ready: int
    """With work, and due."""
    waiting: int
    """With work, due or not."""
    held_slots: int
    longest_wait_seconds: float
    """How long the host that waits longest is past its moment."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """What only `engine: Frontier` counts: `admitted = queued + delayed + leased + done + dead`, in every look."""

    time_ms: int
    """By Redis' clock."""
    limits: Limits
    closed: bool = False
    """Whether pushes are refused: the end has been agreed upon."""
    admitted: int = 0
    delayed: int = 0
    due: int = 0
    """Of the delayed, those whose time has come."""
    dead: int = 0
    suspects: int = 0
    """Of the queued, those that were with a worker that was lost."""
    ownerless: int = 0
    """Of the leased, those of workers that were fenced and not yet emptied."""
    silence_seconds: float = 6.0
    """After this long without a beat, by the lease clock, a worker is fenced."""
    still_seconds: float = 0.0
    """How long no beat and no tick has moved the lease clock."""
    bloom_fill: float | None = None
    """Share of the Bloom filter's bits that are set; None with an exact filter."""
    pace: Pace | None = None
    """None where there is no pace store."""


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
    ledger: Ledger | None = None
    """With `engine: Frontier` and an intact sentinel."""

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
