"""Who crawls? A job whose frontier is full, and its workers: plain ones on the client, or real Scrapy workers."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.pace.addresses import address
from benchmarks.pace.cells import Cell
from benchmarks.pace.worker import Orders
from crawlfleet_frontier import identity
from crawlfleet_frontier.store import calls
from tests.worker.frontier.jobs import FrontierJob
from tests.worker.worker_process import Zygote

ROOT: Final = Path(__file__).resolve().parents[2]
MOST_PROCESSES: Final = 3
"""Plain workers share so many processes at most."""
BAND: Final = 3


def fill(job: FrontierJob, cell: Cell, port: int) -> None:
    """Make the job's stores and admit the first requests of every host."""
    job.create(delay_ms=cell.delay_ms, slots=cell.open_requests)
    rows = [_push(address(host), port, page) for page in range(cell.queued) for host in range(cell.hosts)]
    for first in range(0, len(rows), calls.MOST_REQUESTS):
        job.call(calls.push(job.store, rows[first : first + calls.MOST_REQUESTS]))


def _push(host: str, port: int, page: int) -> calls.PushRequest:
    url = f"http://{host}:{port}/{page}"
    return calls.PushRequest(identity.request_id(identity.url_fingerprint(url)), host, BAND, url.encode())


@contextmanager
def crew(job: FrontierJob, cell: Cell, port: int) -> Iterator[None]:
    """Run the cell's workers; they are killed at the end of the block."""
    kind = plain_crew if cell.kind == "client" else scrapy_crew
    with kind(job, cell, port):
        yield


@contextmanager
def plain_crew(job: FrontierJob, cell: Cell, port: int) -> Iterator[None]:
    """Run `benchmarks.pace.worker`, several workers in a process."""
    count = min(MOST_PROCESSES, cell.workers)
    names = [f"pod-{number}" for number in range(cell.workers)]
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for first in range(count):
            orders = Orders(
                job.server.url,
                job.uid,
                port,
                names[first::count],
                cell.slots,
                max(512, 4 * cell.slots),
            )
            command = [sys.executable, "-m", "benchmarks.pace.worker", orders.as_argument()]
            processes.append(subprocess.Popen(command, cwd=ROOT))
        yield
        ended = [process.returncode for process in processes if process.poll() is not None]
        if ended:
            raise RuntimeError(f"{len(ended)} of {count} processes of plain workers ended by themselves: {ended}")
    finally:
        for process in processes:
            process.kill()
            process.wait(10)


@contextmanager
def scrapy_crew(job: FrontierJob, cell: Cell, port: int) -> Iterator[None]:
    """Run real workers with an ordinary spider: it follows links and makes an item of each page."""
    job.settings = {"LOG_LEVEL": "WARNING", "CONCURRENT_REQUESTS": str(cell.slots)}
    job.zygote = Zygote()
    try:
        for number in range(cell.workers):
            settings = {**job.settings, "USER_AGENT": f"pod-{number}"}
            job.start(CRAWLFLEET_SPIDER_SETTINGS=json.dumps(settings))
        yield
        ended = [worker for worker in job.workers if not worker.runs]
        if ended:
            raise RuntimeError(f"{len(ended)} of {cell.workers} workers ended by themselves:\n{ended[0].log[-2000:]}")
    finally:
        job.close()
        job.zygote.close()
