"""What a plan may ask for: small values that `execute` carries out in order."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crawlfleet.crawl_state import SeedState


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
class SetFinalizers:
    """Write the finalizers of the job."""

    finalizers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeleteWorkers:
    """Delete the worker Deployment, and have its pods leave within seconds."""


@dataclass(frozen=True, slots=True)
class DeleteJob:
    """Delete the CrawlJob itself."""


RedisWrite = PrepareFrontier | ForgetWorkers | DropKeys
"""What is written to the job's Redis; the rest is written to the API server."""

Action = Apply | CreateRedisSecret | SetFinalizers | DeleteWorkers | DeleteJob | RedisWrite
