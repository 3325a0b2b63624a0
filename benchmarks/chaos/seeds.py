"""What does one seed give? Its crawl and, where one worker is killed and nothing else, the peer's crawl beside it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks.chaos import drawing, peer, running
from benchmarks.chaos.drawing import KILLS, Scenario
from tests.worker.worker_process import Zygote

ROOT: Final = Path(__file__).resolve().parents[2]
KEPT: Final = ROOT / "benchmarks" / "out" / "chaos-failures"
"""Logs of runs in which something was wrong, by seed."""
TRIES: Final = 3
"""A fault that struck too early, too late or nothing proves nothing: the seed is run again."""


@contextmanager
def zygote() -> Iterator[Zygote]:
    """Run what forks the workers of all runs."""
    forks = Zygote()
    try:
        yield forks
    finally:
        forks.close()


def measure(scenario: Scenario, forks: Zygote) -> dict[str, Any]:
    """Run a scenario, again while it is void, and return its record."""
    voids, done = list[str](), running.run(scenario, forks, KEPT)
    while done.verdict.void and len(voids) < TRIES - 1:
        voids.append(done.verdict.void)
        done = running.run(scenario, forks, KEPT)
    return {
        "faults": list(scenario.faults),
        "server": scenario.server,
        "seconds": round(done.seconds, 1),
        "voids": voids,
        "verdict": done.verdict.counts(),
        "peer": peer.run(scenario).counts() if _has_peer(scenario) else None,
    }


def of_seed(seed: int, forks: Zygote, faults: tuple[str, ...] = (), pages: int = 0) -> dict[str, Any]:
    """Run what a seed stands for."""
    return measure(drawing.draw(seed, faults, pages), forks)


def _has_peer(scenario: Scenario) -> bool:
    return len(scenario.faults) == 1 and scenario.faults[0] in KILLS
