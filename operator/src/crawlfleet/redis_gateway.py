"""The jobs' Redises behind the `FrontierPort` protocol: one client per URL, one pipelined call per look."""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    NoPermissionError,
    NoScriptError,
    RedisError,
)

from crawlfleet.actions import RedisWrite
from crawlfleet.conditions import Reason
from crawlfleet.engines import Engine, Question
from crawlfleet.engines.frontier import FrontierEngine
from crawlfleet.engines.scrapy_redis import ScrapyRedis
from crawlfleet.job import EngineName, Job
from crawlfleet.observed import Frontier, RedisMemory, Unobservable
from crawlfleet.ports import Cluster, Gone
from crawlfleet.secret_values import decode

logger = logging.getLogger(__name__)

CONNECT_SECONDS: Final = 3.0
READ_SECONDS: Final = 5.0
READ_AGAIN_SECONDS: Final = 5.0
"""A Secret is read again at most this often while Redis cannot be used: it may have been mended."""

_DENIED = (AuthenticationError, AuthorizationError, NoPermissionError)


@dataclass(slots=True)
class _Address:
    url: str
    read_at: float


class RedisGateway:
    """Looks at, and writes to, the Redis of any job."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._addresses: dict[str, _Address] = {}
        self._clients: dict[str, redis.Redis] = {}
        self._engines: Mapping[EngineName, Engine] = {"Frontier": FrontierEngine(), "ScrapyRedis": ScrapyRedis()}

    async def look(self, job: Job) -> Frontier | Unobservable:  # noqa: D102
        try:
            client = await self._client(job)
        except (Gone, KeyError):
            name, key = job.redis_url_secret
            return Unobservable(
                Reason.REDIS_SECRET_MISSING,
                f"secret {name!r} with the key {key!r} (a redis:// or rediss:// URL) is not there",
            )
        except (ValueError, TypeError) as error:
            self._addresses.pop(job.uid, None)
            name, key = job.redis_url_secret
            return Unobservable(Reason.REDIS_SECRET_MISSING, f"secret {name!r}, key {key!r}: {error}")
        try:
            return await self._snapshot(client, job)
        except _DENIED as error:
            reason, trouble = Reason.REDIS_ACCESS_DENIED, f"refuses us: {error}"
        except (RedisError, OSError, TimeoutError) as error:
            reason, trouble = Reason.REDIS_UNREACHABLE, f"cannot be reached: {_short(error)}"
        message = f"Redis at {self._where(job)} {trouble}"  # before the address is forgotten, or the message alternates
        await self._forget_old_address(job)
        return Unobservable(reason, message)

    async def write(self, job: Job, action: RedisWrite) -> bool:  # noqa: D102
        client = await self._client(job)
        return await self._engine(job).write(client, job, action)

    async def release(self, uid: str) -> None:  # noqa: D102
        for engine in self._engines.values():
            engine.forget(uid)
        address = self._addresses.pop(uid, None)
        if address and all(other.url != address.url for other in self._addresses.values()):
            client = self._clients.pop(address.url, None)
            if client:
                await client.aclose()

    async def close(self) -> None:
        """Close every connection."""
        await asyncio.gather(*(client.aclose() for client in self._clients.values()))

    def _engine(self, job: Job) -> Engine:
        return self._engines[job.engine]

    async def _snapshot(self, client: redis.Redis, job: Job) -> Frontier:
        engine = self._engine(job)
        questions = engine.questions(job)
        answers, info = await _look(client, questions)
        if any(isinstance(answer, NoScriptError) for answer in answers):
            for question in questions:
                await client.script_load(question.text)
            answers, info = await _look(client, questions)
        state = engine.read(job, answers)
        memory = None
        if not isinstance(info, Exception):
            policy = str(info.get("maxmemory_policy", "noeviction"))
            memory = RedisMemory(int(info["used_memory"]), int(info.get("maxmemory", 0)), policy)
        return Frontier(state, memory)

    async def _client(self, job: Job) -> redis.Redis:
        address = self._addresses.get(job.uid)
        if address is None:
            address = await self._read_address(job)
        client = self._clients.get(address.url)
        if client is None:
            client = self._clients[address.url] = _connect(address.url)
        return client

    async def _read_address(self, job: Job) -> _Address:
        name, key = job.redis_url_secret
        secret = await self._cluster.get("Secret", job.namespace, name)
        url = decode(secret, key)
        if urlsplit(url).scheme not in ("redis", "rediss"):
            raise ValueError("the URL must start with redis:// or rediss://")
        address = self._addresses[job.uid] = _Address(url, time.monotonic())
        return address

    async def _forget_old_address(self, job: Job) -> None:
        address = self._addresses.get(job.uid)
        if address and time.monotonic() - address.read_at > READ_AGAIN_SECONDS:
            await self.release(job.uid)

    def _where(self, job: Job) -> str:
        """Return host and port: never the password."""
        address = self._addresses.get(job.uid)
        if address is None:
            return "the address of its secret"
        parts = urlsplit(address.url)
        return f"{parts.hostname}:{parts.port or 6379}"


async def _look(client: redis.Redis, questions: Sequence[Question]) -> tuple[Sequence[Any], Any]:
    """Return the answers to the questions, errors among them, and INFO memory: one round trip."""
    pipeline = client.pipeline(transaction=False)
    for question in questions:
        pipeline.evalsha(question.sha1, *question.arguments)  # type: ignore[arg-type]
    pipeline.info("memory")
    *answers, info = await pipeline.execute(raise_on_error=False)
    return answers, info


def _connect(url: str) -> redis.Redis:
    return redis.Redis.from_url(
        url,
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=READ_SECONDS,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=0,
        client_name="crawlfleet-operator",
    )


def _short(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
