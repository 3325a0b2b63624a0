"""The scripts, and how to call each: `EVAL` arguments in, reply out.

A `Call` is what both a blocking and an async client can send (`client.eval(*call.arguments())`, or by SHA with
`EVALSHA` and a reload on NOSCRIPT, which redis-py's `register_script` does).
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, Literal

from crawlfleet_frontier.keys import LAYOUT, JobKeys

SeedState = Literal["unseeded", "seeded"]
Take = Literal["first", "last", "seeds"]
"""Which entries `take` takes: see `take.lua`."""

BEAT_APPLIED: Final = 1
BEAT_REPEATED: Final = 0
BEAT_WITHOUT_SENTINEL: Final = -1


@cache
def script(name: str) -> str:
    """Return the text of `scripts/<name>.lua`."""
    return files("crawlfleet_frontier").joinpath("scripts", f"{name}.lua").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Call:
    """One call of one script."""

    name: str
    keys: tuple[str, ...]
    args: tuple[str | int, ...] = ()

    def arguments(self) -> tuple[str | int, ...]:
        """Return the arguments of Redis' EVAL: script, number of keys, keys, arguments."""
        return (script(self.name), len(self.keys), *self.keys, *self.args)


def snapshot(keys: JobKeys, start_urls_key: str | None = None) -> Call:
    """Look at the job once; `start_urls_key` is the user's own key where seeds come by one."""
    return Call(
        "snapshot",
        (
            keys.sentinel,
            keys.requests,
            keys.dupefilter,
            start_urls_key or keys.start_urls,
            keys.items,
            keys.counters,
            keys.workers,
        ),
    )


def prepare(keys: JobKeys, seed_state: SeedState, urls: Iterable[str] = ()) -> Call:
    """Put the sentinel and the inline seeds down, once."""
    seeds = tuple(json.dumps({"url": url}, ensure_ascii=False) for url in urls)
    return Call("prepare", (keys.sentinel, keys.start_urls), (keys.uid, LAYOUT, seed_state, *seeds))


def beat(
    keys: JobKeys,
    worker_id: str,
    sequence: int,
    state: Mapping[str, object],
    increments: Mapping[str, int],
    *,
    seeded: bool,
) -> Call:
    """Report a worker's state (see `snapshot.WorkerBeat`) and what it did since the beat before."""
    pairs = tuple(part for pair in increments.items() for part in pair)
    return Call(
        "beat",
        (keys.sentinel, keys.counters, keys.workers),
        (worker_id, sequence, json.dumps(state), "1" if seeded else "0", *pairs),
    )


def take(keys: JobKeys, source: str, claim: str, sequence: int, count: int, which: Take) -> Call:
    """Take up to `count` entries from the LIST, SET or ZSET `source`; the same sequence again repeats the reply."""
    return Call("take", (source, keys.claims), (claim, sequence, count, which))
