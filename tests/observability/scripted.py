"""A fleet that never ran: four jobs whose story is known, as the series an operator would export.

The pictures and the query tests need crawls that rise, fail, are blocked, suspended and end, within a known half
hour. Nothing here is evidence of what Crawlfleet does; it is input for a real Prometheus.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from crawlfleet_frontier import counters

Pair = tuple[str, str]
Labels = tuple[Pair, ...]
Sample = tuple[str, Labels, float]

LENGTH = 1800
"""Seconds of the story."""

LABELLED = (
    *(("pages", name) for name in ("2xx", "3xx", "4xx", "5xx")),
    *(("errors", kind) for kind in counters.ERROR_KINDS),
)
"""The operator exports every class and kind, from zero."""


@dataclass
class Job:
    """One job, advanced second by second; its attributes are what the contract's metrics show."""

    namespace: str
    name: str
    created: float
    pages: int = 0
    """How many requests the whole crawl has."""
    most_workers: int = 1
    blocked: tuple[float, float, str] = (0, 0, "")
    """From, until, reason."""
    suspended_from: float = LENGTH + 1
    redis_away: tuple[float, float] = (0, 0)
    failed_at: float = LENGTH + 1
    burst: tuple[float, float] = (0, 0)
    """When its site answers 503."""
    known: float = 1
    done: float = 0
    workers: float = 0
    completed: float = 0
    counts: dict[Pair, float] = field(default_factory=lambda: dict.fromkeys(LABELLED, 0.0))

    def advance(self, now: float) -> None:
        """Live one second."""
        if now < self.created or self.phase(now) != "Running":
            self.workers = 0
            return
        self.workers += max(-1, min(0.5, self.desired(now) - self.workers))
        rate = min(int(self.workers) * 4.0, self.queued + 4 * 0.2) if now not in _between(self.redis_away) else 0
        self.done = min(self.done + rate, self.pages)
        self.known = min(self.pages, self.known + rate * 3 + 1)
        self._count(rate, now)
        if self.done >= self.pages and not self.completed:
            self.completed = now + 10

    def _count(self, rate: float, now: float) -> None:
        bad = 0.6 if now in _between(self.burst) else 0
        self.counts[("pages", "2xx")] += rate * (0.93 - bad)
        self.counts[("pages", "3xx")] += rate * 0.03
        self.counts[("pages", "4xx")] += rate * 0.03
        self.counts[("pages", "5xx")] += rate * bad
        self.counts[("errors", "http_4xx")] += rate * 0.03
        self.counts[("errors", "http_5xx")] += rate * bad
        self.counts[("errors", "timeout")] += rate * 0.01
        self.counts[("errors", "spider")] += rate * 0.002

    @property
    def queued(self) -> float:
        """Requests that wait."""
        return max(0, self.known - self.done)

    def desired(self, now: float) -> float:
        """Workers that the operator wants."""
        if self.phase(now) != "Running" or self.queued <= 0:
            return 0
        return max(1, min(self.most_workers, self.queued // 200))

    def phase(self, now: float) -> str:
        """The phase at `now`."""
        if now >= self.failed_at:
            return "Failed"
        if self.completed and now >= self.completed:
            return "Complete"
        if now >= self.suspended_from:
            return "Suspended"
        if now in _between(self.blocked[:2]):
            return "Blocked"
        return "Pending" if now < self.created + 20 else "Running"

    def progressing(self, now: float) -> Pair:
        """Status and reason of the condition Progressing."""
        still = {"Complete": "Finished", "Failed": "Finished", "Suspended": "Suspended", "Blocked": self.blocked[2]}
        phase = self.phase(now)
        if phase in still:
            return "false", still[phase]
        if now in _between(self.redis_away):
            return "false", "RedisUnreachable"
        if now < self.created + 40:
            return "true", "Starting" if phase == "Pending" else "Seeding"
        return "true", "Crawling" if self.queued else "Idle"

    def samples(self, now: float) -> Iterator[Sample]:
        """Every series of the job at `now`; nothing before its creation."""
        if now < self.created:
            return
        who = (("namespace", self.namespace), ("crawljob", self.name))
        for name, value in self._plain(now).items():
            yield f"crawlfleet_crawljob_{name}", who, value
        for (family, label), value in self.counts.items():
            key = "status_class" if family == "pages" else "kind"
            yield f"crawlfleet_crawljob_{family}_total", (*who, (key, label)), int(value)
        yield "crawlfleet_crawljob_left_out_requests_total", (*who, ("reason", "host_cap")), int(self.known / 50)
        for path, share in (("CHAIN", 1.0), ("URLS", 0.9)):
            yield "crawlfleet_crawljob_fast_path_pages_total", (*who, ("path", path)), int(self.done * share)
        odd = (("path", "URLS"), ("reason", "odd_url"))
        yield "crawlfleet_crawljob_fast_path_fallback_pages_total", (*who, *odd), int(self.done * 0.1)
        yield "crawlfleet_crawljob_phase", (*who, ("phase", self.phase(now))), 1
        for condition, (status, reason) in self._conditions(now).items():
            labels = (("condition", condition), ("status", status), ("reason", reason))
            yield "crawlfleet_crawljob_condition", (*who, *labels), 1

    def _plain(self, now: float) -> dict[str, float]:
        away = now in _between(self.redis_away)
        plain = {
            "queued_requests": int(self.queued),
            "in_flight_requests": int(self.workers) * 8 if self.queued else 0,
            "seen_requests": int(self.known),
            "stored_items": int(self.done * 0.8) % 4000,
            "requests_done_total": int(self.done),
            "items_total": int(self.done * 0.8),
            "items_dropped_total": int(self.done * 0.01),
            "response_bytes_total": int(self.done * 9600),
            "workers_desired": self.desired(now),
            "workers_ready": int(self.workers),
            "redis_memory_bytes": 1.2e6 + self.known * 90 + self.queued * 430,
            "redis_max_memory_bytes": 64e6,
            "frontier_age_seconds": now - self.redis_away[0] if away else now % 3,
            "created_timestamp_seconds": self.created,
            **self._of_the_frontier(),
        }
        return plain | (
            {"completion_timestamp_seconds": self.completed} if self.completed and now >= self.completed else {}
        )

    def _of_the_frontier(self) -> dict[str, float]:
        waiting = min(40, int(self.queued))
        return {
            "delayed_requests": int(self.counts[("errors", "http_5xx")]) % 7,
            "dead_requests": int(self.counts[("errors", "timeout")]),
            "suspect_requests": 0,
            "ready_hosts": min(waiting, int(self.workers)),
            "waiting_hosts": waiting,
            "longest_host_wait_seconds": 0.4 if waiting else 0,
            "bloom_fill_ratio": self.known / 200_000,
            "known_requests_total": int(self.known * 4),
            "worker_losses_total": 0,
            "expired_leases_total": 0,
        }

    def _conditions(self, now: float) -> dict[str, tuple[str, str]]:
        away = now in _between(self.redis_away)
        limited = self.desired(now) == self.most_workers
        conditions = {
            "Progressing": self.progressing(now),
            "FrontierObservable": ("false", "RedisUnreachable") if away else ("true", "Reachable"),
            "FrontierIntact": ("true", "SentinelPresent"),
            "ScalingLimited": ("true", "MaxReplicas") if limited else ("false", "WithinBounds"),
            "Suspended": ("true", "Suspended") if now >= self.suspended_from else ("false", "Running"),
        }
        if self.phase(now) == "Complete":
            conditions["Complete"] = ("true", "CrawlFinished")
        if self.phase(now) == "Failed":
            conditions["Failed"] = ("true", "ProgressDeadlineExceeded")
        return conditions


def fleet() -> list[Job]:
    """Return the four jobs of the story."""
    return [
        Job("shop", "books", 60, pages=14_000, most_workers=6, burst=(420, 560), redis_away=(720, 790)),
        Job("shop", "prices", 300, pages=90_000, most_workers=8, blocked=(320, 780, "ImagePullFailed")),
        Job("news", "archive", 0, pages=60_000, most_workers=4, suspended_from=1000),
        Job("news", "broken", 500, blocked=(520, 1500, "SpiderNotFound"), failed_at=1500),
    ]


def operator(now: float) -> Iterator[Sample]:
    """The operator's own series at `now`: one reconcile a second, a few slow, three errors."""
    for metric, fast in (("reconcile_duration_seconds", 0.9), ("scale_delay_seconds", 0.5)):
        name = f"crawlfleet_operator_{metric}"
        for bound, share in (("0.05", fast), ("0.25", 0.97), ("1.0", 1), ("+Inf", 1)):
            yield f"{name}_bucket", (("le", bound),), int(now * share)
        yield f"{name}_sum", (), now * 0.06
        yield f"{name}_count", (), now
    for result, share in (("unchanged", 0.8), ("changed", 0.19), ("failed", 0.01)):
        yield "crawlfleet_operator_reconciles_total", (("result", result),), int(now * share)
    yield "crawlfleet_operator_reconcile_errors_total", (("error", "ApiException"),), int(now / 400)
    yield "crawlfleet_operator_queue_length", (), int(now) % 4
    yield "crawlfleet_operator_build_info", (("version", "0.1.0"),), 1


def story(scrape_seconds: int = 15) -> Iterator[tuple[int, list[Sample]]]:
    """Tell the story: (seconds, every series) at each scrape."""
    jobs = fleet()
    states: dict[tuple[str, Labels], None] = {}
    for now in range(LENGTH + 1):
        for job in jobs:
            job.advance(now)
        if now % scrape_seconds == 0:
            present = [*operator(now), *(sample for job in jobs for sample in job.samples(now))]
            yield now, [*present, *_past(present, states)]


def _past(present: list[Sample], states: dict[tuple[str, Labels], None]) -> Iterator[Sample]:
    """Set states that are over to 0: samples from a file end without the mark that a scrape leaves."""
    held = {(name, labels): None for name, labels, _ in present if name.endswith(("_phase", "_condition"))}
    states.update(held)
    return ((name, labels, 0.0) for name, labels in states if (name, labels) not in held)


def _between(bounds: tuple[float, float]) -> range:
    return range(int(bounds[0]), int(bounds[1]))
