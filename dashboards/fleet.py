"""The dashboard *Fleet*: how all crawl jobs together are doing, and the operator that runs them."""

from grafana_foundation_sdk.models.dashboard import Dashboard, VariableOption

from dashboards import colors, words
from dashboards.expressions import (
    FLEET,
    all_jobs,
    each_job,
    error_share,
    errors_of_all,
    grand_total,
    jobs_in_phase,
    per_job,
    rate,
    selector,
    top,
)
from dashboards.layout import Row, dashboard, label_variable
from dashboards.panels import Column, PanelBuilder, Query, bars, counts, lines, number, rows

UID = "crawlfleet-fleet"
BY_JOB = "{{namespace}}/{{crawljob}}"


def build() -> Dashboard:
    """Return the dashboard as Grafana's model."""
    namespaces = label_variable(
        "namespace", "Namespace", "label_values(crawlfleet_crawljob_created_timestamp_seconds, namespace)"
    )
    namespaces.multi(True).include_all(True).all_value(".*")
    namespaces.current(VariableOption(text="All", value="$__all"))
    return dashboard(
        UID,
        "Crawlfleet / Fleet",
        "All crawl jobs: how many run, what they fetch, what waits, and the operator behind them.",
        [namespaces],
        [_jobs_now(), (8, [_jobs()]), _work(), _trouble(), _capacity(), _operator()],
    )


def _jobs_now() -> Row:
    """Eight numbers: half about jobs, half about their work."""
    return (
        4,
        [
            number("Running", "CrawlJobs in the phase Running.", jobs_in_phase("Running"), color="green"),
            number(
                "Blocked",
                "CrawlJobs whose pods, worker or Redis cannot run; `kubectl describe crawljob` says why.",
                jobs_in_phase("Blocked"),
                warn_above=1,
            ),
            number(
                "Failed",
                "CrawlJobs that gave up at their progressDeadlineSeconds.",
                jobs_in_phase("Failed"),
                warn_above=1,
            ),
            number("Complete", "CrawlJobs whose crawl is finished.", jobs_in_phase("Complete"), color="blue"),
            number(
                "Pages",
                f"Responses since each job began, all jobs that exist now; {words.PAGES}.",
                grand_total(selector("pages_total", FLEET), "status_class"),
                "short",
            ),
            number("Still waiting", "Requests queued or in flight, all jobs.", _backlog(), "short"),
            number("Workers ready", "Worker pods that are ready, all jobs.", _sum_of("workers_ready")),
            number(
                "Error share",
                f"In the time range shown. {words.ERROR_SHARE}",
                error_share(FLEET, "$__range"),
                "percentunit",
                decimals=1,
                warn_above=0.25,
            ),
        ],
    )


def _jobs() -> PanelBuilder:
    created = selector("created_timestamp_seconds", FLEET)
    age = f"({selector('completion_timestamp_seconds', FLEET)} or timestamp({created})) - {created}"
    return rows(
        "Jobs",
        "Each CrawlJob now: phase, what waits, and what it did since it began. Age ends at completion.",
        {"namespace": "Namespace", "crawljob": "CrawlJob"},
        ("phase", colors.PHASES),
        [
            Column(each_job(_present_phase(), "phase"), "Phase", width=130),
            Column(each_job(selector("queued_requests", FLEET)), "Queued"),
            Column(each_job(selector("in_flight_requests", FLEET)), "In flight"),
            Column(per_job(selector("pages_total", FLEET), "status_class"), "Pages"),
            Column(per_job(selector("errors_total", FLEET), "kind"), "Errors"),
            Column(each_job(selector("items_total", FLEET)), "Items"),
            Column(each_job(selector("workers_ready", FLEET)), "Workers"),
            Column(each_job(age), "Age", "s"),
        ],
        largest="Queued",
    )


def _work() -> Row:
    return (
        9,
        [
            lines(
                "Pages per second",
                f"Responses of all jobs by status class; {words.PAGES}.",
                [Query(all_jobs(rate("pages_total", FLEET), "status_class"), "{{status_class}}")],
                "reqps",
                colors=colors.STATUS_CLASSES,
                stacked=True,
            ),
            lines(
                "Queue by job",
                "Requests that wait, of the ten jobs with the most; start URLs that no worker took included.",
                [Query(top(each_job(selector("queued_requests", FLEET))), BY_JOB)],
                "short",
            ),
        ],
    )


def _trouble() -> Row:
    phases = f"count by (phase) ({each_job(_present_phase(), 'phase')})"
    return (
        9,
        [
            counts(
                "Jobs by phase",
                "How many CrawlJobs were in each phase.",
                Query(phases, "{{phase}}"),
                colors.PHASES,
            ),
            lines(
                "Errors per second by kind",
                words.ERROR_KINDS,
                [Query(errors_of_all(), "{{kind}}")],
                "reqps",
                colors=colors.ERROR_KINDS,
                stacked=True,
            ),
        ],
    )


def _capacity() -> Row:
    used = each_job(selector("redis_memory_bytes", FLEET))
    limit = each_job(selector("redis_max_memory_bytes", FLEET))
    return (
        8,
        [
            lines(
                "Workers",
                "Workers that the operator wants and workers that are ready, all jobs.",
                [Query(_sum_of("workers_desired"), "wanted"), Query(_sum_of("workers_ready"), "ready")],
                "none",
                colors=colors.WORKERS,
                stepped=True,
                decimals=0,
            ),
            lines(
                "Redis memory of its maximum",
                "used_memory over maxmemory, of the ten fullest; a Redis without a maximum is absent.",
                [Query(top(f"{used} / ({limit} > 0)"), BY_JOB)],
                "percentunit",
            ),
            lines(
                "Age of the last look at Redis",
                f"Of the ten jobs with the oldest numbers. {words.FRONTIER_AGE}",
                [Query(top(each_job(selector("frontier_age_seconds", FLEET))), BY_JOB)],
                "s",
            ),
        ],
    )


def _operator() -> Row:
    took = "sum by (le) (rate(crawlfleet_operator_reconcile_duration_seconds_bucket[$__rate_interval]))"
    delay = "sum by (le) (rate(crawlfleet_operator_scale_delay_seconds_bucket[$__rate_interval]))"
    results = "sum by (result) (rate(crawlfleet_operator_reconciles_total[$__rate_interval]))"
    return (
        8,
        [
            lines(
                "Operator: how long it takes",
                "A reconcile looks at one job and writes what differs. Scaling: from a look at Redis that "
                "shows a need to the patched replicas. Half are faster than p50, 95 % than p95.",
                [
                    Query(f"histogram_quantile(0.5, {took})", "reconcile p50"),
                    Query(f"histogram_quantile(0.95, {took})", "reconcile p95"),
                    Query(f"histogram_quantile(0.95, {delay})", "scaling p95"),
                ],
                "s",
            ),
            lines(
                "Operator: reconciles per second",
                "By result; failed ones are tried again with back-off.",
                [Query(results, "{{result}}")],
                "cps",
                colors={"failed": "red", "changed": "green", "unchanged": "blue"},
            ),
            lines(
                "Operator: jobs waiting for it",
                "CrawlJobs in the operator's queue; growing means that it cannot keep up.",
                [Query("sum(crawlfleet_operator_queue_length)", "waiting")],
                "none",
                decimals=0,
            ),
            bars(
                "Operator: failed reconciles",
                "Since the operator started, by class of error; no data means none.",
                Query("sum by (error) (crawlfleet_operator_reconcile_errors_total)", "{{error}}"),
                colors={"/.*/": "red"},
                decimals=0,
            ),
        ],
    )


def _present_phase() -> str:
    return f"{selector('phase', FLEET)} == 1"


def _sum_of(metric: str) -> str:
    return all_jobs(selector(metric, FLEET))


def _backlog() -> str:
    return f"{_sum_of('queued_requests')} + {_sum_of('in_flight_requests')}"
