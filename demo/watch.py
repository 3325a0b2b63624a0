"""How far is the crawl? The CrawlJob's conditions and the operator's exact counters, until the job has ended."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TextIO

from prometheus_client.parser import text_string_to_metric_families

from demo.crawl import NAMESPACE
from demo.errors import DemoError
from demo.kube import Kube

METRICS: Final = "/api/v1/namespaces/crawlfleet-system/services/crawlfleet-metrics:metrics/proxy/metrics"
SAMPLE_SECONDS: Final = 1.0
LINE_SECONDS: Final = 2.0
PATIENCE: Final = 10
"""Looks in a row that may fail: an API server that is away for a moment is no failed crawl."""
GAUGES: Final = {
    "queued": "crawlfleet_crawljob_queued_requests",
    "in_flight": "crawlfleet_crawljob_in_flight_requests",
    "done": "crawlfleet_crawljob_requests_done_total",
    "errors": "crawlfleet_crawljob_errors_total",
    "ready": "crawlfleet_crawljob_workers_ready",
    "desired": "crawlfleet_crawljob_workers_desired",
}


@dataclass(frozen=True)
class Sample:
    """One look at the crawl; `seconds` count from its start."""

    seconds: float
    phase: str = "Pending"
    queued: int = 0
    in_flight: int = 0
    done: int = 0
    errors: int = 0
    ready: int = 0
    desired: int = 0
    blocked: str = ""
    """Why it cannot go on; empty where it can."""
    failed: str = ""
    killed: str = ""
    """The pod whose worker was killed at this look; empty where none was."""

    @property
    def complete(self) -> bool:
        """Whether the operator calls it complete."""
        return self.phase == "Complete"

    def line(self, before: "Sample | None" = None) -> str:
        """Return one line for a person; the rate is that since the sample before."""
        passed = self.seconds - before.seconds if before else 0.0
        rate = (self.done - before.done) / passed if before and passed > 0 else 0.0
        text = (
            f"{self.seconds:5.0f} s  {self.phase:<9} workers {self.ready}/{self.desired}  queued {self.queued:>5}  "
            f"in flight {self.in_flight:>3}  done {self.done:>5}  errors {self.errors:>2}  {rate:5.0f}/s"
        )
        notes = [f"  {name}: {said}" for name, said in (("blocked", self.blocked), ("killed", self.killed)) if said]
        return text + "".join(notes)


def read_metrics(text: str, name: str, namespace: str = NAMESPACE) -> dict[str, int]:
    """Return the job's numbers in the operator's metrics, label values summed; empty where it has none yet."""
    wanted = {metric: ours for ours, metric in GAUGES.items()}
    numbers: dict[str, int] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = (sample.labels.get("namespace"), sample.labels.get("crawljob"))
            if sample.name in wanted and labels == (namespace, name):
                ours = wanted[sample.name]
                numbers[ours] = numbers.get(ours, 0) + int(sample.value)
    return numbers


def read_job(job: Mapping[str, Any], seconds: float, exact: Mapping[str, int]) -> Sample:
    """Return the sample: conditions from the CrawlJob, numbers from the metrics, or rounded from its status."""
    status = job.get("status") or {}
    workers, frontier = status.get("workers") or {}, status.get("frontier") or {}
    rounded = {name: int(frontier.get(name, 0)) for name in ("queued", "done", "errors")}
    rounded |= {"in_flight": int(frontier.get("inFlight", 0))}
    rounded |= {name: int(workers.get(name, 0)) for name in ("ready", "desired")}
    return Sample(
        seconds=seconds,
        phase=status.get("phase", "Pending"),
        blocked=_said(status, "Progressing", "False") if status.get("phase") == "Blocked" else "",
        failed=_said(status, "Failed", "True"),
        killed="",
        **{**rounded, **exact},
    )


def _said(status: Mapping[str, Any], condition: str, value: str) -> str:
    found = [c for c in status.get("conditions", ()) if (c["type"], c["status"]) == (condition, value)]
    return f"{found[0]['reason']}: {found[0]['message']}" if found else ""


def look(kube: Kube, name: str, start: float) -> Sample:
    """Take one sample. Metrics that cannot be read are no reason to fail: the status has rounded numbers."""
    job = kube.json("get", "crawljob", name, "-n", NAMESPACE)
    try:
        exact = read_metrics(kube.run("get", "--raw", METRICS, seconds=5), name)
    except DemoError:
        exact = {}
    return read_job(job, time.monotonic() - start, exact)


def samples(take: Callable[[], Sample], limit: float, pause: Callable[[float], None] = time.sleep) -> Iterator[Sample]:
    """Yield samples until the job is Complete; raises DemoError when it fails or after `limit` seconds."""
    describe = f"kubectl describe crawljob -n {NAMESPACE}"
    silent = 0
    while True:
        try:
            sample = take()
        except DemoError:
            silent += 1
            if silent >= PATIENCE:
                raise
            pause(SAMPLE_SECONDS)
            continue
        silent = 0
        yield sample
        if sample.complete:
            return
        if sample.failed:
            raise DemoError(f"the CrawlJob failed: {sample.failed}", describe)
        if sample.seconds > limit:
            raise DemoError(f"not complete after {limit:.0f} s: {sample.line()}", describe)
        pause(SAMPLE_SECONDS)


def show(taken: Iterator[Sample], stream: TextIO = sys.stdout) -> list[Sample]:
    """Print progress, one updating line on a terminal and a line each two seconds elsewhere; return the samples."""
    history: list[Sample] = []
    shown: Sample | None = None
    for sample in taken:
        history.append(sample)
        text = sample.line(_some_seconds_before(history))
        if stream.isatty():
            stream.write(f"\r\033[K{text}" + ("\n" if sample.killed else ""))
        elif shown is None or sample.complete or _news(sample, shown):
            stream.write(f"{text}\n")
            shown = sample
        stream.flush()
    if stream.isatty():
        stream.write("\n")
    return history


def _news(sample: Sample, shown: Sample) -> bool:
    return sample.seconds - shown.seconds >= LINE_SECONDS or sample.blocked != shown.blocked or bool(sample.killed)


def _some_seconds_before(history: list[Sample]) -> Sample | None:
    return history[-4:][0] if len(history) > 1 else None
