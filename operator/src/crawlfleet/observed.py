"""Everything that a decision may look at: what is, at one moment. Pure values."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from crawlfleet.conditions import Reason
from crawlfleet.crawl_state import CrawlState
from crawlfleet.job import Body, Job


@dataclass(frozen=True, slots=True)
class Unobservable:
    """Redis gave no answer. That is not zero: nothing is decided from it but to wait."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class RedisMemory:
    """Bytes, by INFO memory."""

    used: int
    maximum: int
    """0 where Redis has no limit."""
    policy: str = "noeviction"
    """What Redis does at its limit."""

    @property
    def evicts(self) -> bool:
        """Whether Redis removes keys by itself when its memory is full."""
        return self.maximum > 0 and self.policy != "noeviction"


@dataclass(frozen=True, slots=True)
class Frontier:
    """An answer of Redis."""

    snapshot: CrawlState
    memory: RedisMemory | None = None


@dataclass(frozen=True, slots=True)
class Children:
    """What the API server holds of a job's children."""

    deployment: Body | None = None
    statefulset: Body | None = None
    service: Body | None = None
    secret_exists: bool = False
    """Managed Redis only: whether the generated Secret is there."""
    worker_pods: tuple[Body, ...] = ()
    redis_pods: tuple[Body, ...] = ()
    claim_events: tuple[str, ...] = ()
    """Messages of warnings on the Redis claim, newest last; read only while the Redis pod waits for it."""

    @property
    def replicas(self) -> int:
        """Replicas that the Deployment asks for now."""
        return int(self.deployment["spec"].get("replicas", 0)) if self.deployment else 0

    @property
    def ready(self) -> int:
        """Workers that are ready."""
        return int((self.deployment.get("status") or {}).get("readyReplicas", 0)) if self.deployment else 0


@dataclass(frozen=True, slots=True)
class JobMemory:
    """What an operator process remembers of a job between two looks. Losing it delays decisions and falsifies none."""

    unobservable_since: float | None = None
    idle_since: float | None = None
    idle_mark: int = -1
    """Requests admitted (or done, with ScrapyRedis) at the first idle look: another number starts the wait anew."""
    idle_looks: int = 0
    highest_done: int = 0
    recommendations: tuple[tuple[float, int], ...] = ()
    """(time, workers) of the stabilisation window, falling: the first is its maximum."""
    watched_since: float | None = None
    """When this process first had a recommendation for the job."""
    politeness: str = ""
    """Which pace store was given which policy (`frontier_upkeep.policy_mark`)."""
    heard: Mapping[str, float] = field(default_factory=dict)
    """Epoch → when its worker was last heard, of those whose end was not confirmed to the pace store."""
    replayed: str = ""
    """Token of the last replay that was carried out."""
    applied_generations: Mapping[str, int] = field(default_factory=dict)
    """Kind → metadata.generation after our own apply: another one means that somebody else wrote."""


@dataclass(frozen=True, slots=True)
class Observed:
    """One look at one job."""

    job: Job
    now: float
    """Seconds since the epoch, by the API server's clock."""
    children: Children
    frontier: Frontier | Unobservable
    memory: JobMemory = field(default_factory=JobMemory)
