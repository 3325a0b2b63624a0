"""How does a fleet crawl the generated site once? Its workers wait for the first page, and all of it is measured."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import redis

from benchmarks.fleet.spending import cpu_seconds, site_processes
from benchmarks.frontier.server import command_calls, cost
from benchmarks.pace import load
from benchmarks.worker import rounds
from benchmarks.worker.meter import METER_FILE
from benchmarks.worker.sides import LONGEST_SECONDS, ROOT
from crawlfleet_worker.exits import ExitCode
from tests.servers.kinds import frontier_server
from tests.servers.site import NginxSite, page_path
from tests.worker.fleet import wait_until
from tests.worker.frontier.jobs import FrontierJob

OPEN: Final = 64
"""Requests that each worker has open."""
SCRIPTS: Final = ("evalsha", "eval")
"""The calls of scripts, which are what workers send; the commands inside of scripts are not among them."""


@dataclass
class Spent:
    """What servers and machine did while the fleet crawled."""

    redis_cpu_seconds: float = 0.0
    redis_calls: float = 0.0
    redis_bytes: float = 0.0
    """Both directions."""
    site_cpu_seconds: float = 0.0
    machine_busy: float = 0.0
    """Share of all cores."""
    other_work: float = 0.0
    """Share of all cores that went to processes which are no part of this."""


def crawl(site: NginxSite, workers: int) -> rounds.Figures:
    """Let so many workers crawl the site once. Raises AssertionError unless every page came exactly once."""
    with tempfile.TemporaryDirectory(prefix="crawlfleet-fleet-") as name, frontier_server("redis") as server:
        job = FrontierJob(
            server,
            Path(name),
            spider="callbacks",
            settings={"CRAWLFLEET_ITEMS_MAX": "0"},
            seeds={"type": "Inline"},
            project=ROOT,
        ).create(slots=OPEN * workers)
        before = len(site.log())
        try:
            _start(job, workers)
            with server.client() as client, measured(client, site) as spent:
                job.client.rpush(job.store.seeds, site.url + page_path(0))
                _wait_for_pages(job, site, before + len(site.pages))
                job.wait_until_end(LONGEST_SECONDS)
            meters = _drain(job)
        finally:
            job.close()
    hits = rounds.fetched(f"{workers} workers", site, before, sum(meter["items"] for meter in meters))
    return figures(len(hits), rounds.seconds_of(hits), [meter["cpu_seconds"] for meter in meters], spent)


def figures(pages: int, seconds: float, workers_cpu: list[float], spent: Spent) -> rounds.Figures:
    """Return what a page took and how busy each part was: 1 is a core all of the time, of the machine all cores."""
    return {
        "pages_per_second": pages / seconds,
        "workers_cpu_us_per_page": 1e6 * sum(workers_cpu) / pages,
        "redis_cpu_us_per_page": 1e6 * spent.redis_cpu_seconds / pages,
        "redis_calls_per_page": spent.redis_calls / pages,
        "redis_bytes_per_page": spent.redis_bytes / pages,
        "site_cpu_us_per_page": 1e6 * spent.site_cpu_seconds / pages,
        "least_busy_worker": min(workers_cpu) / seconds,
        "redis_busy": spent.redis_cpu_seconds / seconds,
        "site_busy": spent.site_cpu_seconds / seconds,
        "machine_busy": spent.machine_busy,
        "other_work": spent.other_work,
    }


@contextmanager
def measured(client: redis.Redis, site: NginxSite) -> Iterator[Spent]:
    """Measure a block."""
    spent, processes = Spent(), site_processes(site)
    moved, called, site_cpu = _bytes(client), command_calls(client, SCRIPTS), cpu_seconds(processes)
    with cost(client) as of_redis, load.measured() as of_machine:
        yield spent
    spent.redis_cpu_seconds = of_redis.cpu_us / 1e6
    spent.redis_calls, spent.redis_bytes = command_calls(client, SCRIPTS) - called, _bytes(client) - moved
    spent.site_cpu_seconds = cpu_seconds(processes) - site_cpu
    spent.machine_busy, spent.other_work = of_machine.machine, max(0.0, of_machine.machine - of_machine.ours)


def _bytes(client: redis.Redis) -> float:
    stats: dict[str, Any] = client.info("stats")
    return float(stats["total_net_input_bytes"]) + float(stats["total_net_output_bytes"])


def _start(job: FrontierJob, workers: int) -> None:
    """Start them, and wait until each lives."""
    for number in range(workers):
        job.start(
            PYTHONPATH=str(ROOT),
            SCRAPY_SETTINGS_MODULE="benchmarks.worker.project",
            **{METER_FILE: str(job.folder / f"meter-{number}.json")},
        )
    wait_until(lambda: len(job.look().workers) == workers, lambda: f"{workers} workers beat\n{job.logs()}")


def _wait_for_pages(job: FrontierJob, site: NginxSite, lines: int) -> None:
    """Wait for so many lines in the site's log, without a word to Redis, whose calls are counted."""
    seen = 0
    with site.log_file.open("rb") as log:

        def all_there() -> bool:
            nonlocal seen
            seen += log.read().count(b"\n")
            return seen >= lines

        wait_until(all_there, lambda: f"{seen} of {lines} requests\n{job.logs()}", LONGEST_SECONDS)


def _drain(job: FrontierJob) -> list[dict[str, Any]]:
    """End the workers and return what each wrote of itself."""
    for worker in job.workers:
        worker.terminate()
    for worker in job.workers:
        if (code := worker.wait()) != ExitCode.DRAINED:
            raise RuntimeError(f"a worker ended with {code}:\n{worker.log[-4000:]}")
    return [json.loads((job.folder / f"meter-{number}.json").read_text()) for number in range(len(job.workers))]
