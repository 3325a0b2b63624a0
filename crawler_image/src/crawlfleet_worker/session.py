"""What is one worker's run: who it is, how far it is, and what it holds that is in no Redis key.

The event loop writes here, the beat's thread reads; single reads and writes of attributes need no lock.
"""

import secrets
from asyncio import Event
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from scrapy import Request

from crawlfleet_frontier import JobKeys
from crawlfleet_frontier.client.counts import Counts as FrontierCounts
from crawlfleet_worker.contract import Contract
from crawlfleet_worker.counts import Counts
from crawlfleet_worker.exits import ExitCode, WorkerExit

if TYPE_CHECKING:
    from crawlfleet_worker.frontier.holdings import Holdings
    from crawlfleet_worker.items import ItemStore
    from crawlfleet_worker.scheduler import SharedScheduler

Phase = Literal["waiting", "running", "draining"]


@dataclass(slots=True)
class Session:
    """The state of one run of one worker."""

    contract: Contract
    seeded: bool
    """Whether the sentinel said, when this worker came, that all seeds were admitted."""
    worker_id: str = ""
    phase: Phase = "waiting"
    counts: Counts | FrontierCounts = field(default_factory=Counts)
    """What the engine's beats carry: with `engine: Frontier` those of the frontier's client."""
    taken: set[Request] = field(default_factory=set)
    """Requests taken from the queue that have not left the engine."""
    popping: int = 0
    """Requests and seeds that may be in a reply of Redis at this moment."""
    unsent: int = 0
    """Requests to enqueue that Redis did not take yet."""
    claims: set[str] = field(default_factory=set)
    """Our fields in the claims hash, to be removed when we end."""
    recover: list[Callable[[], None]] = field(default_factory=list)
    """What asks again for replies that are missing; each may raise redis.RedisError."""
    start_done: bool = False
    """Whether this worker ran start() to its end."""
    end: WorkerExit | None = None
    """Why the worker ends, where it is not a plain drain."""
    nothing_taken: Event = field(default_factory=Event)
    """Set while `taken` is empty."""
    ending: Callable[[], None] = lambda: None
    """What `end_with` calls, from any thread."""
    scheduler: "SharedScheduler | None" = None
    """With `engine: ScrapyRedis`."""
    holdings: "Holdings | None" = None
    """With `engine: Frontier`."""
    leaving: Callable[[], Awaitable[None]] | None = None
    """With `engine: Frontier`: gives back what is held and leaves the crawl."""
    items: "ItemStore | None" = None

    def __post_init__(self) -> None:
        self.nothing_taken.set()
        self.worker_id = self.worker_id or f"{self.contract.pod_uid}:{secrets.token_hex(4)}"

    @property
    def keys(self) -> JobKeys:
        """The job's Redis keys."""
        return JobKeys(self.contract.job_uid)

    @property
    def in_flight(self) -> int:
        """Requests and seeds in this worker's hands only."""
        return len(self.taken) + self.popping + self.unsent

    @property
    def start_enqueued(self) -> bool:
        """Whether every start request of this worker's start() is in the queue."""
        return self.start_done and self.unsent == 0

    def take(self, request: Request) -> None:
        """Note that a request came from the queue."""
        self.taken.add(request)
        self.nothing_taken.clear()

    def leave(self, request: Request) -> bool:
        """Note that a request left the engine; say whether it came from the queue (robots.txt and media do not)."""
        if request not in self.taken:
            return False
        self.taken.discard(request)
        if not self.taken:
            self.nothing_taken.set()
        return True

    def state(self) -> dict[str, object]:
        """Return the state that a beat carries (docs/contract.md)."""
        return {"in_flight": self.in_flight, "phase": self.phase}

    def end_with(self, code: ExitCode, message: str) -> None:
        """End the worker, from any thread, with a drain; the first reason stays."""
        self.end = self.end or WorkerExit(code, message)
        self.ending()
