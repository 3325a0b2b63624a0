"""What bounds a fleet, and what would Redis have to do for more workers than this machine has cores?"""

from collections.abc import Mapping
from typing import Final

from benchmarks.worker.rounds import Figures

FULL: Final = 0.9
"""Share of its time from which a part counts as busy all of it."""

DISTURBING: Final = 0.05
"""Share of the machine's cores."""


def bound(figures: Figures, workers: int) -> str:
    """Return what keeps the fleet from being faster: the part that is busy all of the time."""
    if figures["redis_busy"] >= FULL:
        return "Redis: its one thread is busy all of the time"
    if figures["site_busy"] >= FULL:
        return "the site: its server's one process is busy all of the time"
    if figures["least_busy_worker"] >= FULL:
        return f"the workers: each of the {workers} keeps a core busy"
    if figures["machine_busy"] >= FULL:
        return "the machine: all its cores are busy, and workers, Redis, site and other work share them"
    return "waiting: no part is busy all of the time"


def extrapolated(figures: Figures, workers: int) -> Mapping[str, float]:
    """Return what so many workers would do and ask of Redis, if each had a core and a page cost what it cost here.

    Arithmetic, no measurement: one Redis, hosts that allow any pace, a site and a network that bear it.
    """
    pages = workers / (figures["workers_cpu_us_per_page"] / 1e6)
    return {
        "pages_per_second": pages,
        "redis_calls_per_second": pages * figures["redis_calls_per_page"],
        "redis_megabytes_per_second": pages * figures["redis_bytes_per_page"] / 1e6,
        "redis_cores": pages * figures["redis_cpu_us_per_page"] / 1e6,
    }


def disturbed(figures: Figures) -> bool:
    """Whether other work had so much of the machine that the figures say little."""
    return figures["other_work"] > DISTURBING


def workers_of_one_redis(figures: Figures) -> float:
    """Return how many workers, each with a core of its own, keep one Redis busy all of the time."""
    return figures["workers_cpu_us_per_page"] / figures["redis_cpu_us_per_page"]
