"""The status of a CrawlJob: what is written, and when counters are worth a write."""

from collections.abc import Mapping
from typing import Any, Final

from crawlfleet import names
from crawlfleet.conditions import ConditionType, Reason
from crawlfleet.crawl_state import CrawlState
from crawlfleet.job import Body, Job, format_time, parse_time
from crawlfleet.observed import Children
from crawlfleet.policies.liveness import Liveness
from crawlfleet_frontier import counters
from crawlfleet_frontier.counters import LEFT_OUT, LOSSES

COUNTER_SECONDS: Final = 30.0
"""Counters alone are written no more often."""


def round_down(number: int) -> int:
    """Return the number with two significant digits, never above it: 12345 → 12000."""
    if number < 100:
        return number
    unit = int(10 ** (len(str(number)) - 2))
    return number // unit * unit


def frontier_counters(snapshot: CrawlState, liveness: Liveness, *, exact: bool) -> dict[str, int]:
    """Return the counters of a snapshot, rounded unless `exact` (a finished job's are)."""
    numbers = {
        # -1 stands for a key of another type.
        "queued": max(0, snapshot.queued) + max(0, snapshot.start_urls),
        "inFlight": liveness.in_flight,
        "done": snapshot.done,
        "seen": max(0, snapshot.seen),
        "pages": sum(snapshot.family(counters.PAGES).values()),
        "errors": sum(snapshot.family(counters.ERRORS).values()),
        "items": snapshot.counters.get(counters.ITEMS, 0),
    }
    if snapshot.ledger is not None:
        numbers |= {
            "delayed": snapshot.ledger.delayed,
            "dead": snapshot.ledger.dead,
            "hostsReady": snapshot.ledger.pace.ready if snapshot.ledger.pace else 0,
            "leftOut": sum(snapshot.family(LEFT_OUT).values()),
            "losses": snapshot.counters.get(LOSSES, 0),
        }
    return numbers if exact else {name: round_down(n) for name, n in numbers.items()}


def frontier_status(
    before: Body, numbers: Mapping[str, int] | None, now: float, *, due: bool
) -> Mapping[str, Any] | None:
    """Return `status.frontier`: the numbers of the last write, or new ones where a write is due or long ago.

    `observedTime` moves only together with another field.
    """
    if numbers is None:
        return before or None
    old = {name: before.get(name) for name in numbers}
    if old == dict(numbers):
        return before
    if before and not due and now - parse_time(before["observedTime"]) < COUNTER_SECONDS:
        return before
    return {"observedTime": format_time(now), **numbers}


def workers_status(job: Job, children: Children, desired: int) -> dict[str, Any]:
    """Return `status.workers`, which the scale subresource reads."""
    observed = (children.deployment or {}).get("status") or {}
    return {
        "replicas": int(observed.get("replicas", 0)),
        "ready": children.ready,
        "desired": desired,
        "selector": names.selector(job.uid, names.WORKER),
    }


def phase(conditions: list[dict[str, Any]]) -> str:
    """Return the one word for printing, derived from the conditions."""
    by_type = {condition["type"]: condition for condition in conditions}

    def true(type_: ConditionType) -> bool:
        return by_type.get(type_.value, {}).get("status") == "True"

    for type_ in (ConditionType.COMPLETE, ConditionType.FAILED, ConditionType.SUSPENDED):
        if true(type_):
            return type_.value
    if not true(ConditionType.PROGRESSING):
        return "Blocked"
    starting = by_type[ConditionType.PROGRESSING.value]["reason"] == Reason.STARTING
    return "Pending" if starting else "Running"
