"""When is now, for everything that is compared with what a server on this machine saw?"""

import time


def now_us() -> int:
    """Return CLOCK_MONOTONIC in µs: one clock for all processes, which no step of the time of day moves."""
    return time.monotonic_ns() // 1000
