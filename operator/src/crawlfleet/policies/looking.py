"""When to look again: every second while something happens, less often at rest."""

from typing import Final

BUSY_SECONDS: Final = 1.0
LONGEST_SECONDS: Final = 30.0


def next_look(idle_for: float | None, idle_seconds: float) -> float:
    """Return the seconds to the next look at Redis; `idle_for` None stands for a busy job.

    The interval grows by a second for each ten at rest beyond the wait for the end, up to 30 s.
    """
    if idle_for is None or idle_for <= idle_seconds:
        return BUSY_SECONDS
    return min(LONGEST_SECONDS, BUSY_SECONDS + (idle_for - idle_seconds) / 10)
