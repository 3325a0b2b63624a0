"""Can Redis be read, and is what it holds still our crawl? (FrontierObservable, FrontierIntact)."""

from dataclasses import dataclass
from typing import Final

from crawlfleet.conditions import Condition, ConditionType, Reason
from crawlfleet.crawl_state import CrawlState
from crawlfleet.observed import Frontier, Observed, RedisMemory, Unobservable

UNOBSERVABLE_SECONDS: Final = 10.0
"""A gap this long is reported; a shorter one only holds everything."""


@dataclass(frozen=True, slots=True)
class Health:
    """The verdict."""

    snapshot: CrawlState | None
    """None where nothing may be decided from Redis: away, emptied, fallen back or foreign."""
    conditions: tuple[Condition, ...]
    trouble: Condition | None
    """The condition that stands in the way of the crawl, where one does."""
    unobservable_since: float | None
    highest_done: int
    set_back: bool = False
    """Whether a frontier was set back: it goes on from there by itself, but its end is not believed."""
    prepare: bool = False
    """Whether the sentinel is still to be put down."""


def judge(observed: Observed) -> Health:
    """Judge one look at Redis."""
    if isinstance(observed.frontier, Unobservable):
        return _unobservable(observed, observed.frontier)
    return _observable(observed, observed.frontier)


def _unobservable(observed: Observed, frontier: Unobservable) -> Health:
    since = observed.memory.unobservable_since or observed.now
    old = observed.job.condition(ConditionType.FRONTIER_OBSERVABLE)
    long = observed.now - since >= UNOBSERVABLE_SECONDS or (old is not None and old["status"] == "False")
    conditions: tuple[Condition, ...] = ()
    trouble = None
    if long:
        trouble = Condition(ConditionType.FRONTIER_OBSERVABLE, False, frontier.reason, frontier.message)
        conditions = (trouble,)
    elif old is None:
        conditions = (Condition(ConditionType.FRONTIER_OBSERVABLE, None, Reason.UNKNOWN, "Redis has not answered yet"),)
    return Health(None, conditions, trouble, since, observed.memory.highest_done)


def _observable(observed: Observed, frontier: Frontier) -> Health:
    snapshot = frontier.snapshot
    if observed.job.engine == "Frontier" and frontier.memory is not None and frontier.memory.evicts:
        return _evicting(observed, frontier.memory)
    reachable = Condition(ConditionType.FRONTIER_OBSERVABLE, True, Reason.REACHABLE, "Redis answers")
    last_seen = max(observed.memory.highest_done, int((observed.job.status.get("frontier") or {}).get("done", 0)))
    known = observed.job.condition(ConditionType.FRONTIER_INTACT) is not None
    if not snapshot.intact and not known:
        return Health(None, (reachable,), None, None, last_seen, prepare=True)
    intact = _intact(snapshot, last_seen)
    if snapshot.ledger and intact.reason is Reason.COUNTERS_FELL_BACK:
        return Health(snapshot, (reachable, intact), None, None, last_seen, set_back=True)
    return Health(
        snapshot=snapshot if intact.status else None,
        conditions=(reachable, intact),
        trouble=None if intact.status else intact,
        unobservable_since=None,
        highest_done=max(last_seen, snapshot.done),
    )


def _evicting(observed: Observed, memory: RedisMemory) -> Health:
    message = (
        f"Redis removes keys when its memory is full (maxmemory-policy {memory.policy}), and requests with them: set "
        "maxmemory-policy to noeviction"
    )
    trouble = Condition(ConditionType.FRONTIER_OBSERVABLE, False, Reason.REDIS_EVICTS, message)
    return Health(None, (trouble,), trouble, None, observed.memory.highest_done)


def _intact(snapshot: CrawlState, last_seen: int) -> Condition:
    type_ = ConditionType.FRONTIER_INTACT
    if not snapshot.intact:
        message = (
            "the sentinel is gone: Redis was emptied or lost its volume, and the crawl's state with it. The job will "
            "not be called complete; delete it and apply it again to start over"
        )
        return Condition(type_, False, Reason.SENTINEL_MISSING, message)
    if snapshot.layout != snapshot.expected_layout:
        message = (
            f"Redis holds layout {snapshot.layout!r}, this operator knows {snapshot.expected_layout!r}: use images of "
            "one release"
        )
        return Condition(type_, False, Reason.LAYOUT_MISMATCH, message)
    if snapshot.done < last_seen:
        message = (
            f"Redis was set back: it counts fewer requests done than the {last_seen} seen before. The job will not be "
            "called complete before it has caught up"
        )
        return Condition(type_, False, Reason.COUNTERS_FELL_BACK, message)
    return Condition(type_, True, Reason.SENTINEL_PRESENT, "Redis holds this job's state")
