"""How does one run go? Workers up, the faults at their moment, the end awaited, everything seen gathered."""

import shutil
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.chaos.drawing import Scenario
from benchmarks.chaos.faults import STRIKES
from benchmarks.chaos.faults.blows import Blow, wait_for
from benchmarks.chaos.graph import RETRY_TIMES, Graph, reachable, start_of
from benchmarks.chaos.judging import Seen, Verdict, judge
from benchmarks.chaos.operating import Operator
from benchmarks.chaos.scene import Scene, staged
from crawlfleet_frontier.client import letters
from tests.worker.worker_process import Zygote

MOMENT_SECONDS: Final = 300.0
"""From the start to the fault, and from its end to the crawl's: long, for a machine with other work to do."""
END_SECONDS: Final = 300.0
AFTER_FLUSH_SECONDS: Final = 8.0
"""How long an emptied frontier is watched: longer than a worker's silence, and than the operator's wait for an end."""
KILLED: Final = -9

Problems = list[str]


@dataclass(frozen=True)
class Run:
    """One run with its verdict."""

    scenario: Scenario
    verdict: Verdict
    seconds: float


def run(scenario: Scenario, zygote: Zygote, keep: Path | None = None) -> Run:
    """Run a scenario; with `keep` the logs of a run that fails are copied there."""
    begin = time.monotonic()
    with staged(scenario, zygote) as scene:
        for _ in range(scenario.workers):
            scene.start()
        with Operator(scene) as operator:
            blows, problems = _strike(scene, operator)
            _wait_for_end(scene, operator)
        verdict = judge(_gather(scene, operator, blows, problems))
        if keep is not None and (verdict.wrong or verdict.void):
            _keep(scene, keep / f"seed-{scenario.seed}")
    return Run(scenario, verdict, time.monotonic() - begin)


def _keep(scene: Scene, folder: Path) -> None:
    """Keep the workers' logs and the site's: `began_us ended_us status worker name`."""
    shutil.copytree(scene.job.folder, folder, dirs_exist_ok=True)
    lines = (f"{hit.began_us} {hit.ended_us} {hit.status} {hit.worker} {hit.name}" for hit in scene.site.log())
    (folder / "site.log").write_text("\n".join(lines) + "\n")


def expected_requests(drawn: Graph) -> int:
    """Return how many requests an undisturbed crawl makes."""
    nodes = (drawn[name] for name in reachable(drawn, start_of(drawn)))
    return sum(1 + (RETRY_TIMES if node.failures < 0 else node.failures) for node in nodes)


def _strike(scene: Scene, operator: Operator) -> tuple[list[Blow], Problems]:
    """Wait for the moment and let all faults strike at once; return when all are over."""
    scenario, blows, problems = scene.scenario, list[Blow](), Problems()
    count = round(scenario.moment * expected_requests(scene.site.graph))
    if not scene.site.wait_for(count, MOMENT_SECONDS):
        return [], [f"only {len(scene.site.hits)} of {count} requests came before the fault"]

    def strike(fault: str) -> None:
        try:
            blows.append(STRIKES[fault](scene, operator, scenario.numbers(fault)))
        except Exception as error:
            problems.append(f"{fault}: {type(error).__name__}: {error}")

    threads = [threading.Thread(target=strike, args=(fault,)) for fault in scenario.faults]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return blows, problems


def _wait_for_end(scene: Scene, operator: Operator) -> None:
    if "flushall" in scene.scenario.faults:
        time.sleep(AFTER_FLUSH_SECONDS)
        return
    wait_for(lambda: operator.complete or operator.reported or operator.trouble, END_SECONDS, 0.05)


def _gather(scene: Scene, operator: Operator, blows: Sequence[Blow], problems: Problems) -> Seen:
    job, site = scene.job, scene.site
    ends = [code for code in scene.ends if code not in (0, KILLED)]
    with scene.server.client(decode_responses=False) as client:
        found = list(letters.letters(client, job.store))
    return Seen(
        graph=site.graph,
        hits=site.log(),
        items={site.name(item["url"]) for item in job.items()},
        letters={site.name(letter.request): letter.reason for letter in found},
        blows=blows,
        unbalanced=len(operator.unbalanced),
        looks=operator.looks,
        complete=operator.complete,
        reported=operator.reported,
        remains=_remains(operator),
        problems=[*problems, *([operator.trouble] if operator.trouble else []), *(f"exit code {n}" for n in ends)],
    )


def _remains(operator: Operator) -> Mapping[str, int]:
    last = operator.last
    if last is None:
        return {}
    return {**{name: last.number(name) for name in ("queued", "delayed", "leased")}, "seeds": max(0, last.seeds)}
