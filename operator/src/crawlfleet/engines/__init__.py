"""What the operator says to a job's Redis, and how it reads the answers: one module per engine.

An engine knows keys and scripts. Connections, time-outs and refusals are `redis_gateway`'s business.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import redis.asyncio as redis

from crawlfleet.actions import RedisWrite
from crawlfleet.crawl_state import CrawlState
from crawlfleet.job import Job

Argument = bytes | str | int


@dataclass(frozen=True, slots=True)
class Question:
    """One script of a look: its text, and EVAL's arguments behind that (number of keys, keys, arguments)."""

    text: str
    arguments: tuple[Argument, ...]

    @property
    def sha1(self) -> str:
        """The script's name for EVALSHA."""
        return hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()


class Engine(Protocol):
    """One way in which workers share a crawl."""

    def questions(self, job: Job) -> Sequence[Question]:
        """Return the scripts whose answers make one look; they are sent in one round trip."""

    def read(self, job: Job, answers: Sequence[Any]) -> CrawlState:
        """Return what the answers say, one for each question; raises an answer that is an error it cannot read."""

    async def write(self, client: redis.Redis, job: Job, action: RedisWrite) -> bool:
        """Carry an action out; returns False where it is to be carried out again before anything after it."""

    def forget(self, uid: str) -> None:
        """Forget what is remembered of a job."""
