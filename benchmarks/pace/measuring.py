"""What comes of one cell? Redis, judge and workers are made for it alone and gone afterwards."""

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import redis

from benchmarks.frontier.server import Cost, command_calls, cost
from benchmarks.monotonic import now_us
from benchmarks.pace.addresses import PROBE
from benchmarks.pace.arrivals import Arrival
from benchmarks.pace.cells import Cell
from benchmarks.pace.crews import crew, fill
from benchmarks.pace.judge import Judging, judging
from benchmarks.pace.load import Load, measured
from benchmarks.pace.probe import Probes
from benchmarks.pace.verdict import Rule, Verdict, by_host, judge, quantile
from tests.servers.kinds import frontier_server
from tests.worker.fleet import wait_until
from tests.worker.frontier.jobs import FrontierJob

START_SECONDS: Final = 120.0
OF_WORKERS: Final = frozenset({"evalsha", "eval", "script|load", "info", "ping", "exec"})
"""Commands that workers send: scripts, beats, the look at the memory, `exec` for each batch of a spider's items."""
TOLERANCES_MS: Final = (1, 5, 20, 100)


def measure(cell: Cell) -> dict[str, Any]:
    """Run the cell and judge it; figures as JSON. Raises where workers end or a request fails."""
    with (
        tempfile.TemporaryDirectory(prefix="crawlfleet-pace-") as folder,
        frontier_server("redis") as server,
        judging(cell.pauses_ms, cell.queued) as court,
    ):
        job, probes = FrontierJob(server, Path(folder)), Probes(court.port)
        fill(job, cell, court.port)
        with crew(job, cell, court.port):
            wait_until(lambda: _warm(job, cell), lambda: f"{cell} is warm: {job.look()}\n{job.logs()}", START_SECONDS)
            begin = now_us()
            with measured() as load, cost(job.client) as spent, script_calls(job.client) as calls:
                probes.run(cell.seconds)
            window = (begin, now_us())
        _see_health(job)
    return _figures(cell, court, probes, window, load, spent, calls[0])


@contextmanager
def script_calls(client: redis.Redis) -> Iterator[list[int]]:
    """Yield a list that gets the number of calls that workers made meanwhile; what scripts call is not among them."""
    found: list[int] = []
    before = command_calls(client, OF_WORKERS)
    yield found
    found.append(command_calls(client, OF_WORKERS) - before - 1)


def _warm(job: FrontierJob, cell: Cell) -> bool:
    """Whether the fleet is in its stride: every worker has joined, each host was asked three times on average."""
    look = job.look()
    return look.number("done") >= 3 * cell.hosts and len(look.workers) == cell.workers


def _see_health(job: FrontierJob) -> None:
    look = job.look()
    if look.number("dead") or look.counters.get("losses", 0):
        raise RuntimeError(f"requests failed or workers were lost: {look}")


def _figures(
    cell: Cell, court: Judging, probes: Probes, window: tuple[int, int], load: Load, spent: Cost, calls: int
) -> dict[str, Any]:
    arrivals = court.arrivals()
    rule = Rule(cell.delay_ms * 1000, cell.open_requests)
    hosts = by_host(arrival for arrival in arrivals if arrival.host != PROBE)
    verdict = judge(hosts, rule, window)
    seconds = (window[1] - window[0]) / 1e6
    return {
        "cell": asdict(cell),
        **_pace(verdict),
        "used": round(verdict.used, 4),
        "used_by_pause_ms": _used_by_pause(cell, hosts, rule, window),
        "busiest_workers_share": _busiest(hosts.values()),
        "requests_per_second": round(sum(window[0] <= one.started < window[1] for one in arrivals) / seconds, 1),
        "cpu": {"machine": round(load.machine, 3), "ours": round(load.ours, 3)},
        "redis": {
            "calls_per_second_and_worker": round(calls / seconds / cell.workers, 2),
            "cpu": round(spent.cpu_us / 1e6 / seconds, 3),
        },
        "judge_error": {**probes.error(arrivals), **_hand_over(arrivals)},
    }


def _pace(verdict: Verdict) -> dict[str, Any]:
    """Return what was promised and what came of it; for one open request `short` has to be 0."""
    return {
        "requests": verdict.requests,
        "gaps": verdict.gaps,
        "gaps_between_workers": verdict.handed_on,
        "short": len(verdict.short),
        "shortest_gap_ms": round(verdict.shortest / 1000, 3),
        "short_by_ms": _shortfalls(verdict.short),
        "in_window": {"gaps": verdict.gaps_in_window, "short_by_ms": _shortfalls(verdict.short_in_window)},
        "over_limit": verdict.over_limit,
        "most_open": verdict.most_open,
    }


def _shortfalls(short: Sequence[int]) -> dict[str, float]:
    by = [each / 1000 for each in short]
    return {
        **{f"p{share * 100:g}": round(quantile(by, share), 3) for share in (0.5, 0.99)},
        "max": round(max(by, default=0.0), 3),
        **{f"more_than_{most}": sum(each > most for each in by) for most in TOLERANCES_MS},
    }


def _used_by_pause(
    cell: Cell, hosts: Mapping[int, Sequence[Arrival]], rule: Rule, window: tuple[int, int]
) -> dict[str, float]:
    found: dict[str, float] = {}
    for place, pause in enumerate(cell.pauses_ms):
        own = {host: seen for host, seen in hosts.items() if host % len(cell.pauses_ms) == place}
        found[f"{place}: {pause:g}"] = round(judge(own, rule, window).used, 4)
    return found


def _busiest(hosts: Iterable[Sequence[Arrival]]) -> float:
    """Return which share of all requests the worker with most of them sent."""
    sent = Counter(arrival.worker for found in hosts for arrival in found)
    return round(max(sent.values()) / sent.total(), 3)


def _hand_over(arrivals: Sequence[Arrival]) -> dict[str, float]:
    """Return how late the judge's own code saw what the kernel had: its error, had it no timestamps."""
    late = [one.seen - one.started for one in arrivals]
    return {"own_clock_late_p99_us": quantile(late, 0.99), "own_clock_late_max_us": max(late, default=0)}
