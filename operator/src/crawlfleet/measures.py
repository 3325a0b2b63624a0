"""What the operator measures and shows at /metrics.

The jobs' series come from a collector that reads the last looks at scrape time: a deleted job's series vanish by
construction, and a look costs no metric writes.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from crawlfleet import __version__, frontier_measures
from crawlfleet.crawl_state import CrawlState
from crawlfleet.job import Body, Job, parse_time
from crawlfleet.observed import Observed, RedisMemory, Unobservable
from crawlfleet.policies import liveness
from crawlfleet_frontier import counters

PHASES = ("Pending", "Running", "Blocked", "Suspended", "Complete", "Failed")
LABELS = frontier_measures.LABELS
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class JobView:
    """What the last looks at a job said."""

    job: Job
    ready: int
    snapshot: CrawlState | None
    in_flight: int
    memory: RedisMemory | None
    looked_at: float | None
    """Monotonic time of the last answer of Redis."""

    @property
    def labels(self) -> tuple[str, str]:
        """The values of LABELS."""
        return (self.job.namespace, self.job.name)


class Measures:
    """The operator's registry."""

    def __init__(self, registry: CollectorRegistry, queue_length: Callable[[], int]) -> None:
        self.registry = registry
        self._views: dict[str, JobView] = {}
        self._duration = Histogram(
            "crawlfleet_operator_reconcile_duration_seconds",
            "Time of one reconcile.",
            buckets=_BUCKETS,
            registry=registry,
        )
        self._results = Counter(
            "crawlfleet_operator_reconciles", "Reconciles by result.", ["result"], registry=registry
        )
        for result in ("unchanged", "changed", "failed"):
            self._results.labels(result)
        self._errors = Counter(
            "crawlfleet_operator_reconcile_errors",
            "Failed reconciles by class of error.",
            ["error"],
            registry=registry,
        )
        self._scale_delay = Histogram(
            "crawlfleet_operator_scale_delay_seconds",
            "From a look at Redis that shows a need to the patched replicas.",
            buckets=_BUCKETS,
            registry=registry,
        )
        length = Gauge("crawlfleet_operator_queue_length", "Keys waiting to be reconciled.", registry=registry)
        length.set_function(queue_length)
        build = Gauge("crawlfleet_operator_build_info", "Always 1.", ["version"], registry=registry)
        build.labels(__version__).set(1)
        registry.register(JobCollector(lambda: tuple(self._views.values())))

    def reconciled(self, result: str, seconds: float) -> None:
        """Count one reconcile."""
        self._results.labels(result).inc()
        self._duration.observe(seconds)

    def failed(self, error: Exception) -> None:
        """Count a failure by its class."""
        self._errors.labels(type(error).__name__).inc()

    def scaled(self, child: Body, before: int, seconds: float) -> None:
        """Measure a change of replicas, where the applied child shows one."""
        if child["kind"] == "Deployment" and int(child["spec"].get("replicas", 0)) != before:
            self._scale_delay.observe(seconds)

    def observed(self, job: Job, observed: Observed) -> None:
        """Keep what a look said; without an answer of Redis the last one stays, and grows old."""
        before = self._views.get(job.uid)
        if isinstance(observed.frontier, Unobservable):
            self._views[job.uid] = JobView(
                job=job,
                ready=observed.children.ready,
                snapshot=before.snapshot if before else None,
                in_flight=before.in_flight if before else 0,
                memory=before.memory if before else None,
                looked_at=before.looked_at if before else None,
            )
            return
        snapshot = observed.frontier.snapshot
        pods = frozenset(pod["metadata"]["uid"] for pod in observed.children.worker_pods)
        self._views[job.uid] = JobView(
            job=job,
            ready=observed.children.ready,
            snapshot=snapshot,
            in_flight=liveness.of(snapshot, pods).in_flight,
            memory=observed.frontier.memory,
            looked_at=time.monotonic(),
        )

    def forget(self, uid: str) -> None:
        """Drop a deleted job."""
        self._views.pop(uid, None)


class JobCollector(Collector):
    """Turns the views into metric families at scrape time."""

    def __init__(self, views: Callable[[], Iterable[JobView]]) -> None:
        self._views = views

    def collect(self) -> Iterator[Metric]:
        """Yield the families of `docs/contract.md`."""
        views = list(self._views())
        yield from _depth(views)
        yield from _counts(views)
        yield from _labelled_counts(views)
        yield from frontier_measures.families([(view.labels, view.snapshot) for view in views if view.snapshot])
        yield from _workers(views)
        yield from _redis(views)
        yield from _states(views)
        yield from _times(views)


def _gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"crawlfleet_crawljob_{name}", text, labels=[*LABELS, *labels])


def _counter(name: str, text: str, *labels: str) -> CounterMetricFamily:
    return CounterMetricFamily(f"crawlfleet_crawljob_{name}", text, labels=[*LABELS, *labels])


def _depth(views: list[JobView]) -> Iterator[Metric]:
    queued = _gauge("queued_requests", "Requests waiting in the queue, untaken start URLs included.")
    in_flight = _gauge("in_flight_requests", "Requests in workers' hands.")
    seen = _gauge("seen_requests", "Fingerprints in the duplicate filter.")
    items = _gauge("stored_items", "Items in Redis that no one has drained.")
    for view in views:
        if view.snapshot:
            queued.add_metric(view.labels, max(0, view.snapshot.queued) + max(0, view.snapshot.start_urls))
            in_flight.add_metric(view.labels, view.in_flight)
            seen.add_metric(view.labels, max(0, view.snapshot.seen))
            items.add_metric(view.labels, view.snapshot.items)
    return iter((queued, in_flight, seen, items))


def _counts(views: list[JobView]) -> Iterator[Metric]:
    done = _counter("requests_done", "Requests that left a worker's engine.")
    for view in views:
        if view.snapshot:
            done.add_metric(view.labels, view.snapshot.done)
    yield done
    for name, field, text in (
        ("items", counters.ITEMS, "Items scraped."),
        ("items_dropped", counters.ITEMS_DROPPED, "Items dropped by a pipeline."),
        ("response_bytes", counters.RESPONSE_BYTES, "Response bodies as on the wire, in bytes."),
    ):
        family = _counter(name, text)
        for view in views:
            if view.snapshot:
                family.add_metric(view.labels, view.snapshot.counters.get(field, 0))
        yield family


def _labelled_counts(views: list[JobView]) -> Iterator[Metric]:
    for name, field, label, values in (
        ("pages", counters.PAGES, "status_class", ("2xx", "3xx", "4xx", "5xx")),
        ("errors", counters.ERRORS, "kind", counters.ERROR_KINDS),
    ):
        family = _counter(name, f"Responses by {label}." if name == "pages" else f"Errors by {label}.", label)
        for view in views:
            counts = view.snapshot.family(field) if view.snapshot else {}
            if view.snapshot:
                counts = {**dict.fromkeys(values, 0), **counts}
            for value, count in counts.items():
                family.add_metric((*view.labels, value), count)
        yield family


def _workers(views: list[JobView]) -> Iterator[Metric]:
    desired = _gauge("workers_desired", "Workers that the operator wants.")
    ready = _gauge("workers_ready", "Workers that are ready.")
    for view in views:
        desired.add_metric(view.labels, (view.job.status.get("workers") or {}).get("desired", 0))
        ready.add_metric(view.labels, view.ready)
    return iter((desired, ready))


def _redis(views: list[JobView]) -> Iterator[Metric]:
    used = _gauge("redis_memory_bytes", "used_memory of the job's Redis.")
    maximum = _gauge("redis_max_memory_bytes", "maxmemory of the job's Redis; absent where it has none.")
    age = _gauge("frontier_age_seconds", "Age of the last successful look at Redis.")
    for view in views:
        if view.memory:
            used.add_metric(view.labels, view.memory.used)
            if view.memory.maximum:
                maximum.add_metric(view.labels, view.memory.maximum)
        if view.looked_at is not None:
            age.add_metric(view.labels, time.monotonic() - view.looked_at)
    return iter((used, maximum, age))


def _states(views: list[JobView]) -> Iterator[Metric]:
    condition = _gauge("condition", "1 for the present status of each condition.", "condition", "status", "reason")
    phase = _gauge("phase", "1 for the present phase.", "phase")
    for view in views:
        for found in view.job.status.get("conditions", ()):
            values = (found["type"], found["status"].lower(), found["reason"])
            condition.add_metric((*view.labels, *values), 1)
        phase.add_metric((*view.labels, view.job.status.get("phase", "Pending")), 1)
    return iter((condition, phase))


def _times(views: list[JobView]) -> Iterator[Metric]:
    created = _gauge("created_timestamp_seconds", "Creation time, seconds since the epoch.")
    completed = _gauge("completion_timestamp_seconds", "Completion time, seconds since the epoch; absent before.")
    for view in views:
        created.add_metric(view.labels, view.job.created)
        if completion := view.job.status.get("completionTime"):
            completed.add_metric(view.labels, parse_time(completion))
    return iter((created, completed))
