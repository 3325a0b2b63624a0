"""What is to be written to an intact frontier: limits, politeness, its clock, its end. (`engine: Frontier`)"""

from typing import Final

from crawlfleet import frontier_spec
from crawlfleet.actions import (
    CloseFrontier,
    RedisWrite,
    ReopenFrontier,
    SetLimits,
    SetPoliteness,
    Tick,
)
from crawlfleet.crawl_state import Ledger
from crawlfleet.job import Job
from crawlfleet.observed import JobMemory

STILL_SECONDS: Final = 0.9
"""Workers beat more often than once in this time; a look comes about once a second."""


def settings(job: Job, ledger: Ledger, memory: JobMemory) -> tuple[RedisWrite, ...]:
    """Return what brings both stores to what the spec says now."""
    writes: list[RedisWrite] = []
    wanted = frontier_spec.politeness(job)
    if ledger.pace is None or policy_mark(ledger, wanted.version) != memory.politeness:
        writes.append(SetPoliteness(wanted))
    limits = frontier_spec.limits(job)
    if limits != ledger.limits:
        writes.append(SetLimits(limits))
    return tuple(writes)


def policy_mark(ledger: Ledger, version: str) -> str:
    """Return what to remember of a policy that was set: a pace store that was made anew wants it again."""
    return f"{ledger.pace.store_id}/{version}" if ledger.pace else ""


def clock(ledger: Ledger, leased: int) -> tuple[RedisWrite, ...]:
    """Return a tick where something waits for a clock that nobody moves."""
    waits = leased or ledger.delayed
    return (Tick(),) if waits and ledger.still_seconds >= STILL_SECONDS else ()


def gate(ledger: Ledger, *, ends: bool, goes_on: bool) -> tuple[RedisWrite, ...]:
    """Return what opens or closes the frontier to pushes.

    `ends`: the policies have seen the end twice. `goes_on`: there is, or may be, more to do.
    """
    if ends and not ledger.closed:
        return (CloseFrontier(ledger.admitted),)
    return (ReopenFrontier(),) if goes_on and ledger.closed else ()
