"""What a plan may ask for: small values that `execute` carries out in order."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crawlfleet.crawl_state import SeedState
from crawlfleet.frontier_spec import Limits, Politeness, Replay


@dataclass(frozen=True, slots=True)
class Apply:
    """Server-side apply of one child."""

    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CreateRedisSecret:
    """Create the managed Redis' Secret with a new password, unless there is one."""


@dataclass(frozen=True, slots=True)
class PrepareFrontier:
    """Put the sentinel and the inline seeds into Redis, once."""

    seed_state: SeedState
    urls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ForgetWorkers:
    """Remove the beats of workers that are gone."""

    worker_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DropKeys:
    """Remove the job's keys from its external Redis."""


@dataclass(frozen=True, slots=True)
class SetLimits:
    """Configure the frontier store."""

    limits: Limits


@dataclass(frozen=True, slots=True)
class SetPoliteness:
    """Give the pace store its policy."""

    politeness: Politeness


@dataclass(frozen=True, slots=True)
class Tick:
    """Move the frontier's clocks, where no worker does."""


@dataclass(frozen=True, slots=True)
class Reap:
    """Fence an epoch, or with "" all that are silent, and free their leases."""

    epoch: str = ""
    blame: bool = True
    """Whether the end counts against the requests that the worker held."""


@dataclass(frozen=True, slots=True)
class ConfirmDead:
    """Free the slots of processes that have ended for certain."""

    epochs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CloseFrontier:
    """Agree upon the end: no more pushes, if `admitted` is still what was seen."""

    admitted: int


@dataclass(frozen=True, slots=True)
class ReopenFrontier:
    """Take pushes again."""


@dataclass(frozen=True, slots=True)
class ReplayDead:
    """Queue dead letters again: those up to `through`, with one of the reasons, of one of the hosts."""

    replay: Replay
    through: str
    """Id of the youngest that may be meant."""


@dataclass(frozen=True, slots=True)
class SetFinalizers:
    """Write the finalizers of the job."""

    finalizers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeleteWorkers:
    """Delete the worker Deployment, and have its pods leave within seconds."""


@dataclass(frozen=True, slots=True)
class DeleteJob:
    """Delete the CrawlJob itself."""


FrontierWrite = SetLimits | SetPoliteness | Tick | Reap | ConfirmDead | CloseFrontier | ReopenFrontier | ReplayDead
"""What only `engine: Frontier` knows."""

RedisWrite = PrepareFrontier | ForgetWorkers | DropKeys | FrontierWrite
"""What is written to the job's Redis; the rest is written to the API server."""

Action = Apply | CreateRedisSecret | SetFinalizers | DeleteWorkers | DeleteJob | RedisWrite
