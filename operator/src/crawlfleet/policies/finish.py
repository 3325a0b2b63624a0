"""Has the crawl really ended?

Seeded, and queue, start URLs and busy workers all zero, for `idleSeconds`, seen at least twice with the same number of
requests done. Never from a Redis that is away, emptied or set back: then there is no snapshot to ask.
"""

from dataclasses import dataclass, replace
from typing import Final

from crawlfleet.crawl_state import CrawlState
from crawlfleet.observed import JobMemory

LOOKS: Final = 2


@dataclass(frozen=True, slots=True)
class Finish:
    """The verdict, and what to remember for the next look."""

    idle: bool
    ended: bool
    memory: JobMemory


def judge(
    snapshot: CrawlState, memory: JobMemory, now: float, *, seeded: bool, busy: int, idle_seconds: float
) -> Finish:
    """Judge one look; `busy` counts the workers that hold requests or may."""
    idle = seeded and not (snapshot.queued or snapshot.start_urls or busy)
    if not idle:
        return Finish(idle=False, ended=False, memory=_forget(memory))
    if memory.idle_since is None or memory.idle_done != snapshot.done:
        return Finish(
            idle=True,
            ended=False,
            memory=replace(memory, idle_since=now, idle_done=snapshot.done, idle_looks=1),
        )
    looks = memory.idle_looks + 1
    ended = looks >= LOOKS and now - memory.idle_since >= idle_seconds
    return Finish(idle=True, ended=ended, memory=replace(memory, idle_looks=looks))


def _forget(memory: JobMemory) -> JobMemory:
    return replace(memory, idle_since=None, idle_done=-1, idle_looks=0)


def interrupted(memory: JobMemory) -> JobMemory:
    """Return the memory after a look that gave no snapshot: the wait starts anew."""
    return _forget(memory)
