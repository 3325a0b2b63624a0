"""When is the next call to a store due? The rules that keep calls rare without a host waiting for one.

Pure: numbers in, a moment out (`clock.now`; infinity is never).
"""

from dataclasses import dataclass
from math import inf
from typing import Final, NamedTuple

IDLE_SECONDS: Final = 1.0
"""A worker with nothing to do looks again after so long: the bound on a wake-up that was missed."""

GATHER_SECONDS: Final = 0.25
"""A worker that has something to do asks for more hosts no more often than this."""

OF_DELAY: Final = 0.9
"""Nor more often than after this share of the hosts' delay: each is given once in that time. Pushes gather as long."""

HUNGRY_SECONDS: Final = 0.02
"""One that has nothing to do asks no more often than this."""

NEWS_SECONDS: Final = 0.1
"""News about hosts (want, idle) are told no more often than this."""


STRIKE_SECONDS: Final = 0.25
"""What the pace store was told is struck out of the frontier's outbox no more often than this."""

MARGIN_SECONDS: Final = 0.01
"""What lies between an answer and the moment at which its request can be sent, beside the ways to the stores."""


@dataclass(slots=True)
class Elapsed:
    """What a caller tells a store's wall clock: whole milliseconds since its call before, 0 at the first one."""

    last: float = -inf

    def since_last(self, now: float) -> int:
        """Return the milliseconds since the last time; what is cut off counts for the next."""
        if self.last == -inf:
            self.last = now
            return 0
        passed = max(0, int((now - self.last) * 1000))
        self.last += passed / 1000
        return passed


@dataclass(slots=True)
class RoundTrip:
    """A running mean of how long a store takes to answer, in seconds."""

    seconds: float = 0.005

    def took(self, seconds: float) -> None:
        """Take one more measurement in; an outage does not count as distance."""
        self.seconds += 0.2 * (min(seconds, 0.5) - self.seconds)


def lead(pace: RoundTrip, store: RoundTrip) -> float:
    """How long before a host's next moment its report goes, for the next slot and its request to be here in time.

    Twice the way to each store: there is one call at a time, and another one may just have gone.
    """
    return 2 * (pace.seconds + store.seconds) + MARGIN_SECONDS


@dataclass(frozen=True, slots=True)
class Appetite:
    """How much a worker could use now."""

    slots: int
    """Slots that it has room for."""
    hungry: bool
    """Nothing is left that it could send."""
    delay: float = 0.0
    """Of the hosts that it was given of late, in seconds."""
    more: bool = False
    """The last call brought as many hosts as one may: others wait."""


def hosts_due(appetite: Appetite, last: float, next_host: float, horizon: float) -> float:
    """When to ask the pace store for hosts; `next_host` is when its next one is due, infinity where none waits."""
    if not appetite.slots:
        return inf
    if next_host == inf:
        return last + IDLE_SECONDS
    pause = HUNGRY_SECONDS if appetite.hungry else _pause(appetite)
    return min(max(next_host - horizon, last + pause), max(last + IDLE_SECONDS, next_host - horizon))


def _pause(appetite: Appetite) -> float:
    return GATHER_SECONDS if appetite.more else min(IDLE_SECONDS, max(GATHER_SECONDS, OF_DELAY * appetite.delay))


def news_due(waiting_since: float, last: float, hungry: bool) -> float:
    """When wants and idles are passed on; infinity where there are none."""
    if waiting_since == inf:
        return inf
    return waiting_since if hungry else max(waiting_since, last + NEWS_SECONDS)


class Need(NamedTuple):
    """How many more leases of a host a worker could use; made for every host in each step."""

    wanted: int
    presses: bool
    """Whether that is worth a call; if not, they come with the next one."""


NO_NEED: Final = Need(0, presses=False)


def refill(slots: int, free: int, waiting: int, most: int) -> Need:
    """Return what is needed of a host without a delay: twice its slots lie ready, and a half is worth a call."""
    return Need(max(0, free + min(most, 2 * slots) - waiting), presses=waiting <= slots)
