"""What does the pace store have to hear about a slot that closed, and by when?"""

from dataclasses import dataclass

from crawlfleet_frontier.pace.calls import UNCHANGED, UNUSED, Close, Outcome


@dataclass(frozen=True, slots=True)
class Ending:
    """What a consumer knows when a connection has closed."""

    first_byte: float | None = None
    """`clock.now` when the first byte of the response came; None where none came."""
    outcome: Outcome = Outcome.NONE
    retry_after_ms: int = 0
    crawl_delay_ms: int = UNCHANGED

    def slows_down(self) -> bool:
        """Whether the host's pace changes by it."""
        return self.outcome == Outcome.SLOW_DOWN or self.retry_after_ms > 0 or self.crawl_delay_ms >= 0


UNTOUCHED = Ending()


@dataclass(frozen=True, slots=True)
class Report:
    """One closed slot. Its age is worked out when it is sent; rounded down it can only lengthen the pace."""

    token: str
    since: float | None
    """When the first byte of the response came, or the socket closed without one; None: never sent."""
    due: float
    """The pace store should know by then, or the host waits longer than it must."""
    ending: Ending = UNTOUCHED

    def close(self, now: float) -> Close:
        """Return the element of the exchange."""
        age = UNUSED if self.since is None else max(0, int((now - self.since) * 1000))
        return Close(self.token, age, self.ending.outcome, self.ending.retry_after_ms, self.ending.crawl_delay_ms)
