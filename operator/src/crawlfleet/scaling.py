"""How many workers a job should have.

W = clamp(ceil(backlog / (mu · T)), min, max), backlog = queued + in flight, T = targetDrainSeconds, mu = pages per
worker-second. Up in one jump; down only to the highest recommendation of the stabilisation window (as the
HorizontalPodAutoscaler does). To zero only when nothing is queued or in flight.
"""

import math
from dataclasses import dataclass
from typing import Final

from crawlfleet.conditions import Reason
from crawlfleet.job import QueueScaling

DEFAULT_PAGES_PER_WORKER_SECOND: Final = 8.0
"""Scrapy's default of 8 open requests a host at a second each; used until rates are measured."""


@dataclass(frozen=True, slots=True)
class Rates:
    """What a job's workers achieve and what arrives: the seam for measured rates."""

    pages_per_worker_second: float = DEFAULT_PAGES_PER_WORKER_SECOND
    arrivals_per_second: float = 0.0


@dataclass(frozen=True, slots=True)
class Recommendation:
    """Workers wanted for this backlog, and what bounds the number."""

    workers: int
    limited: Reason
    message: str


def recommend(backlog: int, scaling: QueueScaling, rates: Rates) -> Recommendation:
    """Return the workers that drain `backlog` requests in the target time, within the bounds."""
    if backlog > 0:
        per_worker = rates.pages_per_worker_second * scaling.target_drain_seconds
        wanted = max(1, math.ceil(backlog / per_worker + rates.arrivals_per_second / rates.pages_per_worker_second))
    else:
        wanted = 0
    if wanted > scaling.max_replicas:
        message = f"the queue wants more than maxReplicas ({scaling.max_replicas}) workers"
        return Recommendation(scaling.max_replicas, Reason.MAX_REPLICAS, message)
    if wanted < scaling.min_replicas:
        message = f"the queue wants fewer than minReplicas ({scaling.min_replicas}) workers"
        return Recommendation(scaling.min_replicas, Reason.MIN_REPLICAS, message)
    return Recommendation(wanted, Reason.WITHIN_BOUNDS, "the number of workers follows the queue")


def remember(
    window: tuple[tuple[float, int], ...], now: float, workers: int, seconds: float
) -> tuple[tuple[float, int], ...]:
    """Add a recommendation to the window: a falling list whose first is the maximum of the last `seconds`."""
    kept = [(time, n) for time, n in window if now - time < seconds and n > workers]
    return (*kept, (now, workers))


def stabilise(window: tuple[tuple[float, int], ...], current: int, workers: int, *, watched: bool) -> int:
    """Return the replicas to set: up at once, down no lower than the window's maximum, never up because of it.

    `watched`: whether this process has watched the job for a whole window; a fresh one does not shrink.
    """
    if workers >= current:
        return workers
    if not watched:
        return current
    return min(current, max(n for _, n in window))
