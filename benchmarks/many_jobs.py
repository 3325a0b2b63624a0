"""How much do thousands of CrawlJobs cost the operator? `python -m benchmarks.many_jobs [--jobs N] [--seconds S]`.

On a control plane with a Redis on loopback: half of the jobs are suspended, half run with empty queues. Measured are
the time until all are seen, and at rest the mutating requests (audit log; Events and Leases apart), memory and CPU;
then the same for an operator that does nothing in kopf's usual way (`noop_kopf`), over the same jobs in the same run.
The whole of it, kept: `make evidence-many-jobs` (`benchmarks/studies/many_jobs.py`).
"""

import argparse
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import records
from benchmarks.operator_plane import OUT, ROOT, Bench, bench, circumstances, code_under_test, manifest
from cluster.errors import ClusterError
from cluster.run import wait_until
from tests.api.audit_log import AuditLog, Request
from tests.api.operator_process import cpu_seconds, resident_bytes, running_operator
from tests.servers.ports import free_port

SETTLED_SECONDS = 5.0
"""Without a write for this long, an operator is taken to be through."""
CHANGED = 20
PATIENCE = 300.0
"""An operator that has not seen all jobs by then is measured as it is."""
SETTLE_PATIENCE = 900.0


@dataclass(frozen=True)
class Cost:
    """What one operator cost. Writes are mutating requests, Events and Leases apart."""

    seconds_to_see_all: float | None
    """None: not within PATIENCE."""
    writes_to_settle: int
    writes_at_rest: int
    writes_per_change: float
    resident_mib: float
    cpu_cores_at_rest: float


@dataclass(frozen=True)
class Subject:
    """A running operator: who it is to the API server, its process, how many jobs it has seen."""

    user: str
    pid: int
    seen: Callable[[], int]


def measure(stage: Bench, subject: Subject, jobs: list[str], seconds: float, started: float) -> Cost:
    """Measure one operator from its start on."""
    audit = AuditLog(stage.plane.audit_log)
    seen_after = _seen_all(subject, len(jobs), started)
    to_settle = _settled(Writes(audit, subject.user, 0))
    mark, cpu, until = audit.mark(), cpu_seconds(subject.pid), time.monotonic() + seconds
    wait_until(lambda: time.monotonic() >= until, "the time at rest", 2 * seconds)
    at_rest, cpu = len(audit.writes(subject.user, mark)), cpu_seconds(subject.pid) - cpu
    memory = resident_bytes(subject.pid)
    mark, changed = audit.mark(), jobs[1::2][:CHANGED]
    stage.patch_all(changed, {"spec": {"progressDeadlineSeconds": 1000 + int(time.monotonic()) % 10_000}})
    per_change = _settled(Writes(audit, subject.user, mark)) / len(changed)
    return Cost(
        seconds_to_see_all=seen_after,
        writes_to_settle=to_settle,
        writes_at_rest=at_rest,
        writes_per_change=round(per_change, 2),
        resident_mib=round(memory / 2**20, 1),
        cpu_cores_at_rest=round(cpu / seconds, 3),
    )


def _seen_all(subject: Subject, jobs: int, started: float) -> float | None:
    try:
        wait_until(lambda: subject.seen() >= jobs, f"{subject.user} to see all jobs", PATIENCE)
    except ClusterError:
        return None
    return round(time.monotonic() - started, 2)


class Writes:
    """The writes of a user since a mark, read as they come."""

    def __init__(self, audit: AuditLog, user: str, since: int) -> None:
        self._audit = audit
        self._user = user
        self._since = since
        self.all: list[Request] = []

    def read(self) -> int:
        """Read on; return the number of all."""
        found, self._since = self._audit.read(self._user, self._since)
        self.all += [request for request in found if request.is_write]
        return len(self.all)


def _settled(writes: Writes) -> int:
    """Wait until nothing has been written for a while; return the number of writes."""
    count, last = -1, time.monotonic()

    def quiet() -> bool:
        nonlocal count, last
        now = writes.read()
        if now != count:
            count, last = now, time.monotonic()
        return time.monotonic() - last >= SETTLED_SECONDS

    wait_until(quiet, "the operator to settle", SETTLE_PATIENCE)
    return count


@contextmanager
def _our_operator(stage: Bench) -> Iterator[Subject]:
    """Our operator over new jobs: it has seen those that it has given a status."""
    with running_operator(stage.plane, "default", "crawlfleet") as operator:
        writes = Writes(AuditLog(stage.plane.audit_log), operator.user, 0)

        def seen() -> int:
            writes.read()
            told = [write for write in writes.all if write.resource == "crawljobs/status" and write.code == 200]
            return len({write.name for write in told})

        yield Subject(operator.user, operator.pid, seen)


@contextmanager
def _our_operator_again(stage: Bench) -> Iterator[Subject]:
    """Our operator over jobs that have a status: it has seen those that it shows."""
    with running_operator(stage.plane, "default", "crawlfleet-again") as operator:

        def seen() -> int:
            return sum(1 for name in operator.metrics() if name.startswith("crawlfleet_crawljob_phase{"))

        yield Subject(operator.user, operator.pid, seen)


@contextmanager
def _noop_operator(stage: Bench) -> Iterator[Subject]:
    user, port = "noop-kopf", free_port()
    kubeconfig = stage.plane.user_kubeconfig(user, ["system:masters"])
    log = Path(stage.plane.directory / "noop.log").open("wb")  # noqa: SIM115 - closed with the process
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.noop_kopf", str(port)],
        env={"KUBECONFIG": str(kubeconfig), "PATH": "/usr/bin:/bin"},
        cwd=ROOT,
        stdout=log,
        stderr=log,
    )

    def seen() -> int:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
                return int(answer.read())
        except (urllib.error.URLError, OSError):
            return 0

    try:
        yield Subject(user, process.pid, seen)
    finally:
        process.kill()
        process.wait()
        log.close()


SUBJECTS: dict[str, Callable[[Bench], AbstractContextManager[Subject]]] = {
    "crawlfleet, new jobs": _our_operator,
    "crawlfleet, restarted": _our_operator_again,
    "no-op kopf": _noop_operator,
}
"""Who is measured, one after the other over the same jobs. The last one is the peer."""


def run(jobs: int, seconds: float) -> dict[str, Cost]:
    """Run the bench and return the costs by operator."""
    names = [f"job-{n}" for n in range(jobs)]
    costs = {}
    with bench() as stage:
        print(f"creating {jobs} CrawlJobs", flush=True)
        stage.create_all(manifest(name, suspend=n % 2 == 0) for n, name in enumerate(names))
        for title, start in SUBJECTS.items():
            started = time.monotonic()
            with start(stage) as subject:
                costs[title] = measure(stage, subject, names, seconds, started)
            print(f"{title}: {costs[title]}", flush=True)
    return costs


def table(costs: dict[str, Cost]) -> str:
    """Return the costs as a Markdown table."""
    columns = list(asdict(next(iter(costs.values()))))
    lines = [
        "| | " + " | ".join(column.replace("_", " ") for column in columns) + " |",
        "|---" * (len(columns) + 1) + "|",
    ]
    for name, cost in costs.items():
        lines.append(f"| {name} | " + " | ".join(str(value) for value in asdict(cost).values()) + " |")
    return "\n".join(lines)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.many_jobs")
    parser.add_argument("--jobs", type=int, default=2000, help="CrawlJobs, half of them suspended (2000)")
    parser.add_argument("--seconds", type=float, default=60.0, help="time at rest for each operator (60)")
    given = parser.parse_args()
    code = code_under_test()
    costs = run(given.jobs, given.seconds)
    content = {"jobs": given.jobs, "seconds": given.seconds, **circumstances(code)}
    costs_by_name = {name: asdict(cost) for name, cost in costs.items()}
    records.write(OUT / "many_jobs.json", {**content, "costs": costs_by_name})
    print(table(costs))


if __name__ == "__main__":
    main()
