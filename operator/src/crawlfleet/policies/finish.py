"""Has the crawl really ended?

Seeded, and queue, start URLs and busy workers all zero, for `idleSeconds`, seen at least twice with the same number of
requests admitted (ScrapyRedis: done). Never from a Redis that is away, emptied or set back: then there is no snapshot
to ask. A frontier is then closed against pushes first, which it refuses where it is not at its end; the end is what a
closed frontier shows. `stopAfter.pages` ends a job with requests left: the frontier leases no more than that.
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
    closes: bool = False
    """Whether the frontier is to be closed now, so that the next look shows the end."""
    at_limit: bool = False
    """Whether the end is that of `stopAfter.pages`."""


def judge(
    snapshot: CrawlState, memory: JobMemory, now: float, *, seeded: bool, busy: int, idle_seconds: float
) -> Finish:
    """Judge one look; `busy` counts the workers that hold requests or may."""
    ledger = snapshot.ledger
    if ledger and 0 < ledger.limits.stop_pages <= snapshot.done and not busy:
        return Finish(idle=False, ended=True, memory=_forget(memory), at_limit=True)
    idle = seeded and not (snapshot.queued or snapshot.start_urls or busy)
    if not idle or (ledger and ledger.delayed):
        return Finish(idle=False, ended=False, memory=_forget(memory))
    if ledger and ledger.closed:
        return Finish(idle=True, ended=True, memory=memory)
    return _wait(snapshot, memory, now, idle_seconds)


def _wait(snapshot: CrawlState, memory: JobMemory, now: float, idle_seconds: float) -> Finish:
    """Judge one idle look: whether there were enough of them, for long enough, with the same number."""
    ledger = snapshot.ledger
    mark = ledger.admitted if ledger else snapshot.done
    if memory.idle_since is None or memory.idle_mark != mark:
        return Finish(
            idle=True,
            ended=False,
            memory=replace(memory, idle_since=now, idle_mark=mark, idle_looks=1),
        )
    looks = memory.idle_looks + 1
    agreed = looks >= LOOKS and now - memory.idle_since >= idle_seconds
    memory = replace(memory, idle_looks=looks)
    return Finish(idle=True, ended=agreed and ledger is None, memory=memory, closes=agreed and ledger is not None)


def _forget(memory: JobMemory) -> JobMemory:
    return replace(memory, idle_since=None, idle_mark=-1, idle_looks=0)


def interrupted(memory: JobMemory) -> JobMemory:
    """Return the memory after a look that gave no snapshot: the wait starts anew."""
    return _forget(memory)
