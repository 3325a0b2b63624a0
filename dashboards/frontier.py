"""The rows of *Job* that `engine: Frontier` alone has data for: its hosts, and what is left out, lost or dead."""

from dashboards.expressions import JOB, of_job, rate, series_of_job
from dashboards.layout import Row
from dashboards.panels import Query, lines


def panels() -> tuple[Row, ...]:
    """Return the rows, top first."""
    return (_hosts(), _left_behind(), _fast_paths())


def _hosts() -> Row:
    return (
        8,
        [
            lines(
                "Hosts",
                "Hosts with work: those that may be asked now, and all that wait. With engine Frontier only.",
                [Query(series_of_job("ready_hosts"), "ready"), Query(series_of_job("waiting_hosts"), "waiting")],
                "short",
                colors={"ready": "green", "waiting": "blue"},
            ),
            lines(
                "Longest wait of a host",
                "How long the host that waits longest is past its moment: above some seconds the workers are too few.",
                [Query(series_of_job("longest_host_wait_seconds"), "past its moment")],
                "s",
            ),
            lines(
                "Later, suspect and dead",
                "Requests that are tried again later, that were with a lost worker and go out alone, and dead letters.",
                [
                    Query(series_of_job("delayed_requests"), "later"),
                    Query(series_of_job("suspect_requests"), "suspect"),
                    Query(series_of_job("dead_requests"), "dead"),
                ],
                "short",
                colors={"later": "blue", "suspect": "orange", "dead": "red"},
            ),
        ],
    )


def _left_behind() -> Row:
    return (
        8,
        [
            lines(
                "Not admitted per second",
                "Requests that were met before, and those left out with the reason, for example the bound per host.",
                [
                    Query(of_job(rate("known_requests_total", JOB)), "known"),
                    Query(of_job(rate("left_out_requests_total", JOB), "reason"), "{{reason}}"),
                ],
                "cps",
            ),
            lines(
                "Lost with workers",
                "Since the job began: requests in lost workers' hands, and leases given up after their maximum age.",
                [
                    Query(series_of_job("worker_losses_total"), "lost"),
                    Query(series_of_job("expired_leases_total"), "expired"),
                ],
                "short",
                colors={"lost": "orange", "expired": "purple"},
            ),
            lines(
                "Fill of the Bloom filter",
                "Share of its bits that are set: at 0.5 it holds its capacity. No data with an exact filter.",
                [Query(series_of_job("bloom_fill_ratio"), "fill")],
                "percentunit",
            ),
        ],
    )


def _fast_paths() -> Row:
    return (
        8,
        [
            lines(
                "Pages on the fast paths",
                "Share of the pages that went through each of the worker's fast paths whole.",
                [
                    Query(
                        f"{of_job(rate('fast_path_pages_total', JOB), 'path')} / on () group_left () "
                        f"{of_job(rate('requests_done_total', JOB))}",
                        "{{path}}",
                    )
                ],
                "percentunit",
            ),
            lines(
                "Left to Scrapy's own code",
                "Pages per second with something that a fast path left to Scrapy, by path and reason.",
                [Query(of_job(rate("fast_path_fallback_pages_total", JOB), "path", "reason"), "{{path}}: {{reason}}")],
                "cps",
            ),
        ],
    )
