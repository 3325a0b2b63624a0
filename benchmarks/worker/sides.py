"""How is each side started, and when is it through? Each is one process that crawls the site once."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.worker import go_peer
from benchmarks.worker.meter import METER_FILE
from crawlfleet_frontier import counters
from crawlfleet_worker.exits import ExitCode
from crawlfleet_worker.fast.rooms import ROOMS
from crawlfleet_worker.fast.tally import OFF
from tests.servers.kinds import frontier_server
from tests.worker.fleet import wait_until
from tests.worker.frontier.jobs import FrontierJob

ROOT: Final = Path(__file__).resolve().parents[2]
LONGEST_SECONDS: Final = 1800.0
PEER_SETTINGS: Final = (
    "SCHEDULER=scrapy_redis.scheduler.Scheduler",
    "DUPEFILTER_CLASS=scrapy_redis.dupefilter.RFPDupeFilter",
)
"""Those of scrapy-redis' README; its other defaults are the fastest it has."""


@dataclass(frozen=True)
class Crawl:
    """One crawl to be run: which spider, with which arguments, with what in the environment."""

    spider: str
    arguments: Mapping[str, str]
    """Where it starts, and what else the spider wants to be told (`spiders/`)."""
    folder: Path
    environment: Mapping[str, str]

    @property
    def meter(self) -> Path:
        """Where the process writes what it used."""
        return self.folder / "meter.json"

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return self.folder / "log"


def ours(crawl: Crawl, **settings: str) -> None:
    """Run one worker of `engine: Frontier`, started as the operator does; it is told to end when all is done."""
    with frontier_server("redis") as server:
        job = FrontierJob(
            server,
            crawl.folder,
            spider=crawl.spider,
            arguments=dict(crawl.arguments),
            settings={"CRAWLFLEET_ITEMS_MAX": "0", **settings},
            project=ROOT,
        ).create(slots=64)
        try:
            worker = job.start(**crawl.environment)
            wait_until(lambda: job.at_end() or not worker.runs, lambda: f"{job.look()}\n{job.logs()}", LONGEST_SECONDS)
            if not worker.runs:
                raise RuntimeError(f"the worker ended with {worker.wait()}:\n{worker.log[-4000:]}")
            job.wait_until_end()
            _check(worker.drain(), ExitCode.DRAINED, worker.log)
            _add_to_meter(crawl.meter, {"fast_pages": fast_pages(job.look().counters)})
        finally:
            job.close()


def fast_pages(counted: Mapping[str, int]) -> dict[str, int]:
    """Return how many pages went through each fast path that is not off whole, by the job's counters."""
    on = [path for path in ROOMS if f"{counters.FALLBACK_PAGES}:{path}:{OFF}" not in counted]
    return {path: counted.get(f"{counters.FAST_PAGES}:{path}", 0) for path in on}


def _add_to_meter(file: Path, more: Mapping[str, Any]) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **more}))


def ours_stock_handler(crawl: Crawl) -> None:
    """Run the same with Scrapy's own HTTP handler."""
    ours(crawl, CRAWLFLEET_FAST_HTTP="False")


def scrapy_redis(crawl: Crawl) -> None:
    """Run stock scrapy-redis: one process, the queue in Redis."""
    with frontier_server("redis") as server:
        _scrapy(crawl, (*PEER_SETTINGS, f"REDIS_URL={server.url}"))


def vanilla(crawl: Crawl) -> None:
    """Run Scrapy alone, its queue in memory."""
    _scrapy(crawl, ())


def floor(crawl: Crawl) -> None:
    """Run the bare loop."""
    _python(crawl, ["benchmarks.worker.floor", json.dumps(dict(crawl.arguments))])


def colly(crawl: Crawl) -> None:
    """Run Go's colly, on all cores as is its way."""
    _run(crawl, [str(go_peer.program()), crawl.arguments["start"]])


SIDES: Final[Mapping[str, Callable[[Crawl], None]]] = {
    "ours": ours,
    "ours_stock_handler": ours_stock_handler,
    "scrapy_redis": scrapy_redis,
    "vanilla": vanilla,
    "floor": floor,
    "colly": colly,
}


def measured(side: str, spider: str, arguments: Mapping[str, str], **environment: str) -> dict[str, Any]:
    """Run one side once and return what it wrote of itself (`meter.Meter`)."""
    with tempfile.TemporaryDirectory(prefix="crawlfleet-bench-") as name:
        folder = Path(name)
        more = {
            "PYTHONPATH": str(ROOT),
            "SCRAPY_SETTINGS_MODULE": "benchmarks.worker.project",
            METER_FILE: str(folder / "meter.json"),
            **environment,
        }
        crawl = Crawl(spider, arguments, folder, more)
        SIDES[side](crawl)
        return dict(json.loads(crawl.meter.read_text()))


def _scrapy(crawl: Crawl, settings: Sequence[str]) -> None:
    options = [part for setting in settings for part in ("-s", setting)]
    arguments = [part for name, value in crawl.arguments.items() for part in ("-a", f"{name}={value}")]
    _python(crawl, ["scrapy", "crawl", crawl.spider, *arguments, *options])


def _python(crawl: Crawl, module: Sequence[str]) -> None:
    _run(crawl, [sys.executable, "-m", *module])


def _run(crawl: Crawl, command: Sequence[str]) -> None:
    with crawl.log.open("wb") as log:
        ended = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, **crawl.environment},
            stdout=log,
            stderr=subprocess.STDOUT,
            timeout=LONGEST_SECONDS,
            check=False,
        )
    _check(ended.returncode, 0, crawl.log.read_text(errors="replace"))


def _check(code: int, wanted: int, log: str) -> None:
    if code != wanted:
        raise RuntimeError(f"the crawl ended with {code}:\n{log[-4000:]}")
