"""Is robots.txt obeyed on this host? As `spec.politeness` says, which the operator writes beside the pace store.

It is read before the first request, and again whenever the pace store names another version of its policy.
"""

import asyncio
import json
import logging
from collections.abc import Mapping
from typing import Any

import redis.asyncio

logger = logging.getLogger(__name__)


def mode_of(host: str, policy: Mapping[str, Any]) -> str:
    """Return Obey or Ignore; an exact host wins over `*.suffix`, the longest suffix over shorter ones."""
    overrides = policy.get("overrides") or {}
    if host in overrides:
        return str(overrides[host])
    labels = host.split(".")
    for first in range(1, len(labels)):
        pattern = "*." + ".".join(labels[first:])
        if pattern in overrides:
            return str(overrides[pattern])
    return str(policy.get("default", "Obey"))


class RobotsModes:
    """The policy as this worker knows it."""

    def __init__(self, connection: "redis.asyncio.Redis", key: str, *, without_policy: bool) -> None:
        """`without_policy` is the answer where nobody wrote one: a frontier without an operator."""
        self._connection, self._key = connection, key
        self._without_policy = without_policy
        self._policy: Mapping[str, Any] | None = None
        self._version: str | None = None
        self._loading: asyncio.Task[None] | None = None

    def obeys(self, host: str) -> bool:
        """Whether robots.txt counts on this host."""
        return self._without_policy if self._policy is None else mode_of(host, self._policy) == "Obey"

    def follow(self, version: str) -> None:
        """Read the policy again where the version is another one; Redis away: with the next word of the version."""
        if version and version != self._version and (self._loading is None or self._loading.done()):
            self._loading = asyncio.get_running_loop().create_task(self._load(version))

    async def load(self) -> bool:
        """Read the policy; False where Redis does not answer, and the policy stays as it was."""
        try:
            text = await self._connection.get(self._key)
        except (redis.RedisError, OSError) as error:
            logger.warning("The policy for robots.txt could not be read and stays as it was: %s", error)
            return False
        self._policy = None if text is None else json.loads(text)
        return True

    async def _load(self, version: str) -> None:
        if await self.load():
            self._version = version
