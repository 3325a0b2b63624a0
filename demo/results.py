"""How the items get out of the job's Redis into a file, in bounded batches and without losing one."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Final

from crawlfleet_frontier.store import StoreKeys
from demo.crawl import NAMESPACE
from demo.errors import DemoError
from demo.kube import Kube

BATCH: Final = 500
SHELL: Final = 'read -r REDISCLI_AUTH; export REDISCLI_AUTH; exec redis-cli --no-auth-warning "$@"'
"""The password comes by stdin: an argument would stand in the process list."""

RedisCall = Callable[..., str]
"""`call("LLEN", key)`: what `redis-cli --raw` prints, without the last line end."""


def redis_of(kube: Kube, name: str) -> RedisCall:
    """Return a way to call the Redis of the CrawlJob of this name."""
    secret = kube.json("get", "secret", f"{name}-redis", "-n", NAMESPACE)
    password = base64.b64decode(secret["data"]["password"]).decode()
    pod = ("exec", "-i", "-n", NAMESPACE, f"{name}-redis-0", "-c", "redis", "--")

    def call(*command: str) -> str:
        words = ("sh", "-c", SHELL, "redis-cli", "--raw", *command)
        return kube.run(*pod, *words, stdin=f"{password}\n", seconds=60).removesuffix("\n")

    return call


def drain(call: RedisCall, uid: str, target: Path) -> int:
    """Move the job's items into the file, one JSON object a line; return their number.

    A batch leaves Redis only after it is in the file. Raises DemoError if Redis answers otherwise than promised.
    """
    key = StoreKeys(uid).items
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with target.open("w", encoding="utf-8") as file:
        while (left := _length(call, key)) > 0:
            size = min(BATCH, left)
            lines = call("LRANGE", key, "0", str(size - 1)).split("\n")
            if len(lines) != size:
                raise DemoError(f"redis-cli printed {len(lines)} items, not {size}")
            file.write("\n".join(lines) + "\n")
            file.flush()
            call("LTRIM", key, str(size), "-1")
            written += size
    return written


def _length(call: RedisCall, key: str) -> int:
    answer = call("LLEN", key)
    if not answer.isdigit():
        raise DemoError(f"Redis does not tell how many items there are: {answer}")
    return int(answer)
