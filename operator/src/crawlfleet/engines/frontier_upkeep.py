"""The long work on a job's stores, in bounded steps: dead letters queued again, keys of a deleted job removed."""

from collections.abc import Mapping
from typing import Any, Final

import redis.asyncio as redis

from crawlfleet.frontier_spec import Replay
from crawlfleet_frontier.store import StoreKeys
from crawlfleet_frontier.store import calls as store

LETTERS: Final = 500
"""Dead letters read, and at most queued again, in one call."""

SCAN_COUNT: Final = 1000
SCANS: Final = 200
"""SCAN calls in one step: some tenths of a second, whatever else is in that Redis."""


async def replay_dead(client: redis.Redis, keys: StoreKeys, replay: Replay, through: str) -> int:
    """Queue the dead letters that are meant again, up to the id `through`; returns how many.

    Repeated, it finds those that are left: a letter that died again has a younger id.
    """
    replayed, start = 0, "-"
    while letters := await client.xrange(keys.dead, start, through, count=LETTERS):
        meant = [_text(id_) for id_, fields in letters if _is_meant(replay, fields)]
        if meant:
            await client.eval(*store.replay(keys, meant).eval_arguments())  # type: ignore[arg-type]
            replayed += len(meant)
        start = f"({_text(letters[-1][0])}"
    return replayed


async def drop_some(client: redis.Redis, uid: str, cursor: int | None) -> int | None:
    """Remove keys of the job; returns the cursor to go on with, or None where it is through.

    No list of the keys exists, they go with hosts and epochs: so all of this Redis' names are walked once.
    """
    if cursor is None:
        await client.unlink(StoreKeys(uid).meta)  # from here on every late word of a worker is refused
        cursor = 0
    for _ in range(SCANS):
        cursor, names = await client.scan(cursor, match=f"crawlfleet:{{{uid}:*", count=SCAN_COUNT)
        if names:
            await client.unlink(*names)
        if cursor == 0:
            return None
    return cursor


def _is_meant(replay: Replay, fields: Mapping[Any, Any] | None) -> bool:
    named = {_text(name): value for name, value in (fields or {}).items()}
    reason, host = _text(named.get("reason", "")), _text(named.get("host", ""))
    return (not replay.reasons or reason in replay.reasons) and (
        not replay.hosts or any(_fits(host, pattern) for pattern in replay.hosts)
    )


def _fits(host: str, pattern: str) -> bool:
    """Whether a pattern, a host or `*.` and a domain, names this host."""
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern


def _text(value: object) -> str:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)
