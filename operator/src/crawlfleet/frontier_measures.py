"""What /metrics says of jobs with `engine: Frontier` beyond what all jobs have."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from crawlfleet.crawl_state import CrawlState, Ledger, Pace
from crawlfleet_frontier.counters import EXPIRED, FALLBACK_PAGES, FAST_PAGES, KNOWN, LEFT_OUT, LOSSES

LABELS: Final = ("namespace", "crawljob")
Look = tuple[tuple[str, str], CrawlState]
"""The values of LABELS, and what the last look said."""

OF_LEDGER: Final[Sequence[tuple[str, str, Callable[[Ledger], float | None]]]] = (
    ("delayed_requests", "Requests that are tried again later.", lambda ledger: ledger.delayed),
    ("dead_requests", "Dead letters: requests that were given up.", lambda ledger: ledger.dead),
    ("suspect_requests", "Queued requests that were with a lost worker.", lambda ledger: ledger.suspects),
    ("bloom_fill_ratio", "Share of the Bloom filter's bits that are set.", lambda ledger: ledger.bloom_fill),
)
OF_PACE: Final[Sequence[tuple[str, str, Callable[[Pace], float]]]] = (
    ("ready_hosts", "Hosts with work that may be asked now.", lambda pace: pace.ready),
    ("waiting_hosts", "Hosts with work and a free slot, due or not.", lambda pace: pace.waiting),
    (
        "longest_host_wait_seconds",
        "How long the host that waits longest is past its moment.",
        lambda pace: pace.longest_wait_seconds,
    ),
)
COUNTED: Final = (
    ("known_requests", "Requests that were met before, and so not admitted.", KNOWN),
    ("worker_losses", "How often a request was in the hands of a worker that was lost.", LOSSES),
    ("expired_leases", "Requests that a worker gave up after their maximum age.", EXPIRED),
)
LEFT_OUT_REASONS: Final = ("host_cap",)


def families(looks: Sequence[Look]) -> Iterator[Metric]:
    """Yield the families; jobs of another engine have no series in them."""
    ledgers = [(labels, state, state.ledger) for labels, state in looks if state.ledger]
    for name, text, value in OF_LEDGER:
        gauge = _gauge(name, text)
        for labels, _, ledger in ledgers:
            if (number := value(ledger)) is not None:
                gauge.add_metric(labels, number)
        yield gauge
    yield from _paces([(labels, ledger.pace) for labels, _, ledger in ledgers if ledger.pace])
    yield from _counts([(labels, state) for labels, state, _ in ledgers])


def _paces(paces: Sequence[tuple[tuple[str, str], Pace]]) -> Iterator[Metric]:
    for name, text, value in OF_PACE:
        gauge = _gauge(name, text)
        for labels, pace in paces:
            gauge.add_metric(labels, value(pace))
        yield gauge


def _counts(looks: Sequence[Look]) -> Iterator[Metric]:
    for name, text, field in COUNTED:
        counter = _counter(name, text)
        for labels, state in looks:
            counter.add_metric(labels, state.counters.get(field, 0))
        yield counter
    yield from _fast_paths(looks)
    left_out = _counter("left_out_requests", "Requests that were not admitted, by reason.", "reason")
    for labels, state in looks:
        for reason, count in {**dict.fromkeys(LEFT_OUT_REASONS, 0), **state.family(LEFT_OUT)}.items():
            left_out.add_metric((*labels, reason), count)
    yield left_out


def _fast_paths(looks: Sequence[Look]) -> Iterator[Metric]:
    fast = _counter("fast_path_pages", "Pages that went through a fast path of the worker.", "path")
    fallback = _counter("fast_path_fallback_pages", "Pages left to Scrapy's own code.", "path", "reason")
    for labels, state in looks:
        for path, count in state.family(FAST_PAGES).items():
            fast.add_metric((*labels, path), count)
        for path_and_reason, count in state.family(FALLBACK_PAGES).items():
            path, _, reason = path_and_reason.partition(":")
            fallback.add_metric((*labels, path, reason), count)
    return iter((fast, fallback))


def _gauge(name: str, text: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"crawlfleet_crawljob_{name}", text, labels=LABELS)


def _counter(name: str, text: str, *labels: str) -> CounterMetricFamily:
    return CounterMetricFamily(f"crawlfleet_crawljob_{name}", text, labels=[*LABELS, *labels])
