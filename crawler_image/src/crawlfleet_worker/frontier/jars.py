"""How do cookie jars live in Redis? One HASH per jar and site: field → cookie as JSON, and a version that grows.

`crawlfleet:{<uid>:0}:jar:<name>`; the names of all jars are in the SET `crawlfleet:{<uid>:0}:jars`, for who clears up.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http.cookiejar import Cookie
from typing import Any, Final, TypeVar

import redis.asyncio

from crawlfleet_worker.backoff import Backoff
from crawlfleet_worker.frontier.ports import Jar

VERSION_FIELD: Final = "version"
"""Field of the version; a cookie's field has tabs in it."""

_AWAY: Final = (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, OSError)
_FLAGS: Final = ("port_specified", "domain_specified", "domain_initial_dot", "path_specified", "secure", "discard")
_REST: Final = ("version", "name", "value", "port", "domain", "path", "expires", "comment", "comment_url", "rfc2109")

Reply = TypeVar("Reply")


def field_of(domain: str, path: str, name: str) -> str:
    """Return the field of a cookie: a newer cookie with the same three replaces it."""
    return f"{domain}\t{path}\t{name}"


def to_json(cookie: Cookie) -> str:
    """Return the cookie with all that decides where and how long it is sent."""
    values = {name: getattr(cookie, name) for name in (*_REST, *_FLAGS)}
    values["rest"] = getattr(cookie, "_rest", None) or None
    kept = {name: value for name, value in values.items() if value is not None and value is not False}
    return json.dumps(kept, separators=(",", ":"))


def from_json(text: str | bytes) -> Cookie:
    """Return the cookie that `to_json` was given."""
    values: dict[str, Any] = json.loads(text)
    given = {name: values.get(name, False) for name in _FLAGS} | {name: values.get(name) for name in _REST}
    return Cookie(**{**given, "rfc2109": bool(given["rfc2109"]), "rest": values.get("rest", {})})


@dataclass(slots=True)
class _Save:
    name: str
    changed: Mapping[str, str]
    removed: Sequence[str]
    version: "asyncio.Future[int]"


class RedisJars:
    """The JarStore of one job. Saves that come together go out together; where Redis is away they wait for it."""

    def __init__(self, client: "redis.asyncio.Redis", job_uid: str) -> None:
        self._client = client
        self._prefix = f"crawlfleet:{{{job_uid}:0}}:"
        self._waiting: list[_Save] = []
        self._flushing: asyncio.Task[None] | None = None

    async def load(self, name: str) -> Jar:
        """Return the jar as it is now."""
        found = await _until_answered(lambda: self._client.hgetall(self._key(name)))
        fields = {_text(field): _text(value) for field, value in found.items()}
        return Jar(int(fields.pop(VERSION_FIELD, 0)), fields)

    async def save(self, name: str, changed: Mapping[str, str], removed: Sequence[str]) -> int:
        """Write the changes in one step and return the new version. A lost reply may count twice, which is harmless."""
        save = _Save(name, changed, removed, asyncio.get_running_loop().create_future())
        self._waiting.append(save)
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.ensure_future(self._flush())
        return await save.version

    def _key(self, name: str) -> str:
        return f"{self._prefix}jar:{name}"

    async def _flush(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                versions = await _until_answered(lambda: self._send(batch))  # noqa: B023 - awaited right here
            except Exception as error:
                versions = [error] * len(batch)
            for save, version in zip(batch, versions, strict=True):
                _settle(save.version, version)

    async def _send(self, batch: Sequence[_Save]) -> list[int | Exception]:
        """Each jar's changes are one transaction, all of them one round trip; the order is that of the calls."""
        pipeline = self._client.pipeline(transaction=True)
        places = []
        for save in batch:
            key = self._key(save.name)
            if save.changed:
                pipeline.hset(key, mapping={field: value for field, value in save.changed.items()})  # noqa: C416 - redis-py's type
            if save.removed:
                pipeline.hdel(key, *save.removed)
            pipeline.sadd(f"{self._prefix}jars", save.name)
            pipeline.hincrby(key, VERSION_FIELD, 1)
            places.append(len(pipeline) - 1)
        replies = await pipeline.execute()
        return [int(replies[place]) for place in places]


async def _until_answered(call: Callable[[], Awaitable[Reply]]) -> Reply:
    pause = Backoff(0.05, 2.0)
    while True:
        try:
            return await call()
        except _AWAY:
            await asyncio.sleep(pause.next())


def _settle(version: "asyncio.Future[int]", result: int | Exception) -> None:
    if version.done():
        return
    if isinstance(result, Exception):
        version.set_exception(result)
    else:
        version.set_result(result)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
