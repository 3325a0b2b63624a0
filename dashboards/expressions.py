"""How a metric of the contract becomes PromQL: once per job, however many operators exported it.

While an operator is replaced, the old and the new one both export a job. Every expression therefore takes the
`max` over the exporters before it adds jobs up, so that nothing is counted twice.
"""

from typing import Final

JOB: Final = 'namespace="$namespace", crawljob="$crawljob"'
"""Label matchers of the *Job* dashboard's variables."""

FLEET: Final = 'namespace=~"$namespace"'
"""Label matcher of the *Fleet* dashboard's variable; `.*` for all."""

IDENTITY: Final = ("namespace", "crawljob")
UNANSWERED: Final = 'kind=~"timeout|dns|connection|tls|download"'
"""The kinds of errors that brought no response: they are attempts that `pages_total` does not count."""


def selector(metric: str, *matchers: str) -> str:
    """Return `crawlfleet_crawljob_<metric>{…}`."""
    return f"crawlfleet_crawljob_{metric}{{{', '.join(matchers)}}}"


def rate(metric: str, *matchers: str) -> str:
    """Return the growth per second of a counter."""
    return f"rate({selector(metric, *matchers)}[$__rate_interval])"


def of_job(vector: str, *by: str) -> str:
    """Return one job's `vector`, once for each value of the labels `by`."""
    return f"max by ({', '.join(by)}) ({vector})" if by else f"max({vector})"


def series_of_job(metric: str) -> str:
    """Return one job's `metric` as it is."""
    return of_job(selector(metric, JOB))


def each_job(vector: str, *by: str) -> str:
    """Return `vector` of every job, and of each value of the labels `by`."""
    return f"max by ({', '.join((*IDENTITY, *by))}) ({vector})"


def per_job(vector: str, label: str) -> str:
    """Return `vector` of every job, added up over the values of `label`."""
    return f"sum by ({', '.join(IDENTITY)}) ({each_job(vector, label)})"


def all_jobs(vector: str, *by: str) -> str:
    """Return `vector` added up over all jobs, once for each value of the labels `by`."""
    total = f"sum by ({', '.join(by)})" if by else "sum"
    return f"{total} ({each_job(vector, *by)})"


def grand_total(vector: str, label: str) -> str:
    """Return `vector` added up over all jobs and over the values of `label`."""
    return f"sum({each_job(vector, label)})"


def top(vector: str, number: int = 10) -> str:
    """Return the `number` largest of `vector`: what a panel can show of a large fleet."""
    return f"topk({number}, {vector})"


def jobs_in_phase(phase: str) -> str:
    """Return how many jobs are in `phase`: 0 while there are jobs, nothing where no operator reports."""
    there = selector("phase", FLEET, f'phase="{phase}"') + " == 1"
    elsewhere = each_job(selector("created_timestamp_seconds", FLEET)) + " * 0"
    return f"sum({each_job(there)} or {elsewhere})"


def errors_of_job() -> str:
    """Return one job's errors per second, for each kind that has ever occurred: eight zeros tell nothing."""
    return f"{of_job(rate('errors_total', JOB), 'kind')} and {of_job(selector('errors_total', JOB), 'kind')} > 0"


def errors_of_all() -> str:
    """Return the errors per second of all jobs, for each kind that has ever occurred."""
    growing = all_jobs(rate("errors_total", FLEET), "kind")
    return f"{growing} and {all_jobs(selector('errors_total', FLEET), 'kind')} > 0"


def error_share(matchers: str, scope: str) -> str:
    """Return errors in proportion to attempts: responses, and requests that got none.

    `scope` is a range such as `$__range`; empty means since the job began.
    """
    errors = selector("errors_total", matchers)
    pages = selector("pages_total", matchers)
    unanswered = selector("errors_total", matchers, UNANSWERED)
    attempts = f"{_grown(pages, scope, 'status_class')} or {_grown(unanswered, scope, 'kind')}"
    return f"sum({_grown(errors, scope, 'kind')}) / (sum({attempts}) > 0)"


def _grown(series: str, scope: str, label: str) -> str:
    vector = f"increase({series}[{scope}])" if scope else series
    return each_job(vector, label)
