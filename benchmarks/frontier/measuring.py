"""Which figures are there, how often is each taken, and what came of one?"""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from benchmarks.frontier import figures
from benchmarks.frontier.figures import Pair

ROUNDS: Final = 5
DISTANCES: Final = (0.0, 0.25, 1.0, 5.0)
"""Round trips to Redis, in ms."""
NEAR: Final = "pages_per_second_at_0ms"
FAR: Final = "pages_per_second_at_1ms"


@dataclass(frozen=True)
class Figure:
    """Something to measure of both sides."""

    name: str
    take: Callable[[], Pair]
    rounds: int = 1
    """In which both sides take turns; the median counts. What is the same in every run is taken once."""


def all_figures(rounds: int = ROUNDS, *, quick: bool = False) -> tuple[Figure, ...]:
    """Return every figure; the quick ones leave out 10 million ids and a million hosts."""
    return (*_timed(rounds), *_memory(quick=quick))


def _timed(rounds: int) -> tuple[Figure, ...]:
    speeds = (Figure(f"pages_per_second_at_{ms:g}ms", partial(figures.throughput, ms), rounds) for ms in DISTANCES)
    return (
        Figure("enqueue_server_us_per_url", figures.enqueue_server_us_per_url, rounds),
        Figure("lease_ack_server_us_per_url", figures.lease_ack_server_us_per_url, rounds),
        Figure("redis_calls_per_page", figures.redis_calls_per_page, rounds),
        *speeds,
    )


def _memory(*, quick: bool) -> tuple[Figure, ...]:
    seen, queued = figures.seen_bytes_per_url, figures.queued_bytes_per_request
    hosts = 100_000 if quick else 1_000_000
    most = () if quick else (Figure("seen_bytes_per_url_1e7", partial(seen, 10_000_000)),)
    return (
        Figure("seen_bytes_per_url_1e5", partial(seen, 100_000)),
        Figure("seen_bytes_per_url", partial(seen, 1_000_000)),
        *most,
        Figure("queued_bytes_per_request", partial(queued, 1000, 1000)),
        Figure("queued_bytes_per_request_one_host", partial(queued, 1, 1_000_000)),
        Figure(f"queued_bytes_per_request_{hosts}_hosts", partial(queued, hosts, 1)),
    )


def measured(figure: Figure) -> dict[str, Any]:
    """Take a figure: its name, `ours` and `scrapy_redis` (medians), every round, and how long it took."""
    begin = time.monotonic()
    taken = [dict(figure.take()) for _ in range(figure.rounds)]
    return {
        "figure": figure.name,
        **{side: statistics.median(pair[side] for pair in taken) for side in taken[0]},
        "rounds": taken,
        "seconds": round(time.monotonic() - begin, 1),
    }


def far_to_near(pairs: Mapping[str, Pair]) -> Pair:
    """Return which share of its speed beside Redis each side has at 1 ms (`throughput_at_1ms_ratio`)."""
    return {side: pairs[FAR][side] / pairs[NEAR][side] for side in ("ours", "scrapy_redis")}
