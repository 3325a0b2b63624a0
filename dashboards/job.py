"""The dashboard *Job*: what one crawl did, from its first request to its last."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards import colors, frontier, words
from dashboards.expressions import JOB, error_share, errors_of_job, of_job, rate, selector, series_of_job
from dashboards.layout import Row, dashboard, label_variable
from dashboards.panels import Column, PanelBuilder, Query, bands, bars, lines, number, rows, word

UID = "crawlfleet-job"


def build() -> Dashboard:
    """Return the dashboard as Grafana's model."""
    created = "crawlfleet_crawljob_created_timestamp_seconds"
    return dashboard(
        UID,
        "Crawlfleet / Job",
        "One crawl job: its phase and why, its queue, pages, errors, items, workers and Redis.",
        [
            label_variable("namespace", "Namespace", f"label_values({created}, namespace)"),
            label_variable("crawljob", "CrawlJob", f'label_values({created}{{namespace="$namespace"}}, crawljob)'),
        ],
        [_summary(), _states(), _crawl(), _workers(), _results(), _totals(), *frontier.panels()],
    )


def _summary() -> Row:
    minute = f"rate({_series('pages_total')}[1m])"
    pages_per_second = f"sum({of_job(minute, 'status_class')})"
    return (
        4,
        [
            word("Phase", "The job's phase now.", _phase(), colors.PHASES),
            number("Age", "From the job's creation to its completion, or until now.", _age(), "s"),
            number(
                "Pages",
                f"Responses since the job began; {words.PAGES}.",
                f"sum({of_job(_series('pages_total'), 'status_class')})",
                "short",
            ),
            number(
                "Items",
                "Items that the spider scraped.",
                series_of_job("items_total"),
                "short",
                color="green",
            ),
            number(
                "Error share",
                f"Since the job began. {words.ERROR_SHARE}",
                error_share(JOB, ""),
                "percentunit",
                decimals=1,
                warn_above=0.25,
            ),
            number("Still waiting", "Requests queued or in flight now.", _backlog(), "short"),
            number(
                "Most workers at once",
                "The highest number of ready workers in the time range shown.",
                of_job(f"max_over_time({_series('workers_ready')}[$__range])"),
            ),
            number(
                "Fastest minute",
                "The highest rate of responses over a minute in the time range shown.",
                f"max_over_time(({pages_per_second})[$__range:15s])",
                "reqps",
                decimals=1,
            ),
        ],
    )


def _states() -> Row:
    return (
        5,
        [
            bands("Phase over time", "The job's phase, one at a time.", _phase(), colors.PHASES),
            bands(
                "What it was doing",
                "Reason of the condition Progressing. One that names a fault is what blocked the job.",
                _reason("Progressing"),
                colors.PROGRESS,
            ),
            bands(
                "What limits the number of workers",
                "Reason of the condition ScalingLimited; WithinBounds means that they follow the queue.",
                _reason("ScalingLimited"),
                colors.SCALING,
            ),
        ],
    )


def _crawl() -> Row:
    return (
        9,
        [
            lines(
                "Queue",
                "Requests that wait in Redis, and those in workers' hands. Both zero: the crawl has ended.",
                [
                    Query(series_of_job("queued_requests"), "queued"),
                    Query(series_of_job("in_flight_requests"), "in flight"),
                ],
                "short",
                colors={"queued": "blue", "in flight": "orange"},
            ),
            lines(
                "Pages per second",
                f"Responses by status class; {words.PAGES}.",
                [Query(of_job(rate("pages_total", JOB), "status_class"), "{{status_class}}")],
                "reqps",
                colors=colors.STATUS_CLASSES,
                stacked=True,
            ),
        ],
    )


def _workers() -> Row:
    return (
        9,
        [
            lines(
                "Workers",
                "Workers that the operator wants for this queue, and workers that are ready.",
                [Query(series_of_job("workers_desired"), "wanted"), Query(series_of_job("workers_ready"), "ready")],
                "none",
                colors=colors.WORKERS,
                stepped=True,
                decimals=0,
            ),
            lines(
                "Errors per second by kind",
                words.ERROR_KINDS,
                [Query(errors_of_job(), "{{kind}}")],
                "reqps",
                colors=colors.ERROR_KINDS,
                stacked=True,
            ),
        ],
    )


def _results() -> Row:
    return (
        8,
        [
            lines(
                "Requests and items per second",
                "Requests that left a worker for good, items scraped, and items dropped by a pipeline.",
                [
                    Query(of_job(rate("requests_done_total", JOB)), "requests"),
                    Query(of_job(rate("items_total", JOB)), "items"),
                    Query(of_job(rate("items_dropped_total", JOB)), "dropped"),
                ],
                "cps",
                colors={"requests": "blue", "items": "green", "dropped": "orange"},
            ),
            lines(
                "Bytes per second",
                "Response bodies as they came over the wire.",
                [Query(of_job(rate("response_bytes_total", JOB)), "received")],
                "Bps",
            ),
            lines(
                "Kept in Redis",
                "Requests that the duplicate filter knows, and items that no one has drained yet.",
                [Query(series_of_job("seen_requests"), "requests seen"), Query(series_of_job("stored_items"), "items")],
                "short",
            ),
            lines(
                "Redis memory",
                "used_memory of the job's Redis, and its maxmemory if it has one.",
                [
                    Query(series_of_job("redis_memory_bytes"), "used"),
                    Query(series_of_job("redis_max_memory_bytes"), "maximum"),
                ],
                "bytes",
                colors={"used": "blue", "maximum": "red"},
            ),
        ],
    )


def _totals() -> Row:
    return (
        8,
        [
            bars(
                "Pages by status class",
                "Responses since the job began.",
                _total("pages_total", "status_class"),
                colors=colors.STATUS_CLASSES,
            ),
            bars(
                "Errors by kind",
                "Errors since the job began; no data means none.",
                _total("errors_total", "kind"),
                colors=colors.ERROR_KINDS,
                decimals=0,
            ),
            _conditions(),
            lines(
                "Age of the last look at Redis",
                words.FRONTIER_AGE,
                [Query(series_of_job("frontier_age_seconds"), "age")],
                "s",
            ),
        ],
    )


def _conditions() -> PanelBuilder:
    present = of_job(f"{_series('condition')} == 1", "condition", "status", "reason")
    return rows(
        "Conditions now",
        "At the end of the time range; `kubectl describe crawljob` adds the messages.",
        {"condition": "Condition", "reason": "Reason"},
        ("status", colors.STATUSES),
        [Column(present, "Status", width=70)],
    )


def _series(metric: str) -> str:
    return selector(metric, JOB)


def _phase() -> Query:
    return Query(of_job(f"{_series('phase')} == 1", "phase"), "{{phase}}")


def _reason(condition: str) -> Query:
    present = selector("condition", JOB, f'condition="{condition}"') + " == 1"
    return Query(of_job(present, "reason"), "{{reason}}")


def _total(metric: str, label: str) -> Query:
    return Query(f"{of_job(_series(metric), label)} > 0", f"{{{{{label}}}}}")


def _age() -> str:
    created = _series("created_timestamp_seconds")
    ended = f"{_series('completion_timestamp_seconds')} or timestamp({created})"
    return f"max({ended}) - {of_job(created)}"


def _backlog() -> str:
    return f"{of_job(_series('queued_requests'))} + {of_job(_series('in_flight_requests'))}"
