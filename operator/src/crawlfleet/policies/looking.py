"""When to look again: every second while something happens, less often at rest."""

from typing import Final

BUSY_SECONDS: Final = 1.0
CLOSING_SECONDS: Final = 0.2
"""After a frontier was asked to close."""

LONGEST_SECONDS: Final = 30.0
REST_AFTER_SECONDS: Final = 10.0
"""A job that has been idle, or without an answer of Redis, for this long need not be looked at every second."""

RESTING_LOOKS_PER_SECOND: Final = 100
"""What all jobs at rest together may cost: a few per cent of a core."""


def after_gap(gone_for: float) -> float:
    """Return the seconds to the next look at a Redis that has not answered for `gone_for` seconds.

    The interval grows by a second for each ten beyond the first ten, up to 30 s.
    """
    beyond = max(0.0, gone_for - REST_AFTER_SECONDS)
    return min(LONGEST_SECONDS, BUSY_SECONDS + beyond / 10)


def until_the_end(idle_for: float, idle_seconds: float) -> float:
    """Return the seconds within which an idle job must be looked at again, so that its end is seen in time."""
    if idle_for <= REST_AFTER_SECONDS:
        return BUSY_SECONDS
    return min(LONGEST_SECONDS, max(BUSY_SECONDS, idle_seconds - idle_for))


def at_rest(jobs: int) -> float:
    """Return the seconds between two looks at each of so many jobs at rest: 1 s up to 100 jobs, 30 s from 3,000 on."""
    return min(LONGEST_SECONDS, max(BUSY_SECONDS, jobs / RESTING_LOOKS_PER_SECOND))
