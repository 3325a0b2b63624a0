"""How soon is a killed worker's work fetched again? `python -m benchmarks.refetch [--kills 5]`.

Two real Scrapy workers crawl hosts that answer slowly; one of them is killed (SIGKILL) in the middle and another one is
started. In turns that is its successor in the pod, as kubelet starts a container again, which clears up after it; or
one in another pod: then the end is confirmed to the pace store, as the operator does when the pod is gone, and the
frontier notices the silence. The server of the hosts says which requests were cut off by the kill and when each of them
came again: the next page of a host is only known from the page before, so its next request is the same URL.
"""

import argparse
import json
import random
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.monotonic import now_us
from benchmarks.pace.addresses import address
from benchmarks.pace.arrivals import Arrival
from benchmarks.pace.judge import judging
from benchmarks.pace.verdict import by_host, quantile
from crawlfleet_frontier import identity
from crawlfleet_frontier.pace.calls import confirm_dead
from crawlfleet_frontier.pace.keys import PaceKeys
from crawlfleet_frontier.store import calls
from tests.servers.kinds import frontier_server
from tests.worker.fleet import Worker, wait_until
from tests.worker.frontier.jobs import FrontierJob
from tests.worker.worker_process import Zygote

HOSTS: Final = 40
PAUSES_MS: Final = (200.0, 400.0)
OPEN: Final = 8
"""Requests that a worker has open."""
AHEAD: Final = 1000
BAND: Final = 3
AT_WORK: Final = 5
"""Leases, of 40 in all, which two workers share: one of them always has as many."""
KINDS: Final = ("restarted", "gone")
"""What becomes of a killed worker's pod."""


@dataclass(frozen=True, slots=True)
class Kill:
    """One kill, between these two moments (µs of CLOCK_MONOTONIC)."""

    kind: str
    worker: int
    before: int
    after: int


def start(job: FrontierJob, pod: str) -> Worker:
    """Start one more worker in this pod; it tells the server its number."""
    settings = {
        "LOG_LEVEL": "WARNING",
        "CONCURRENT_REQUESTS": str(OPEN),
        "USER_AGENT": f"pod-{len(job.workers)}",
        "RETRY_ENABLED": "False",
    }
    return job.start(CRAWLFLEET_SPIDER_SETTINGS=json.dumps(settings), CRAWLFLEET_POD_UID=pod)


def seed(job: FrontierJob, port: int) -> None:
    """Admit the first page of every host."""
    job.create(delay_ms=50, slots=1)
    urls = [(address(host), f"http://{address(host)}:{port}/0") for host in range(HOSTS)]
    job.call(
        calls.push(
            job.store,
            [
                calls.PushRequest(identity.request_id(identity.url_fingerprint(url)), host, BAND, url.encode())
                for host, url in urls
            ],
        )
    )


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod and the worker in it."""

    uid: str
    worker: Worker


def open_pod(job: FrontierJob, uid: str = "") -> Pod:
    """Start a worker in a new pod, or in the one of this UID."""
    uid = uid or f"pod-{len(job.workers)}"
    return Pod(uid, start(job, uid))


def at_work(job: FrontierJob, alive: list[Pod]) -> list[Pod]:
    """Return the pods whose workers hold so many leases that a kill cannot miss them: the first may have every host."""
    held = {live.epoch.partition(":")[0]: live.held for live in job.look().workers}
    return [pod for pod in alive if held.get(pod.uid, 0) >= AT_WORK]


def kill_one(job: FrontierJob, kind: str, alive: list[Pod], chance: random.Random) -> Kill:
    """Kill a worker that has work, at any moment of the crawl, start another, wait until others have done that work."""
    done, losses = job.number("done"), job.look().counters.get("losses", 0)
    wait_until(lambda: job.number("done") > done + 3 * HOSTS, "the crawl goes on")
    threading.Event().wait(chance.uniform(0, 1))
    wait_until(lambda: at_work(job, alive), "one of them has work")
    victim = chance.choice(at_work(job, alive))
    alive.remove(victim)
    before = now_us()
    victim.worker.kill()
    after = now_us()
    if kind == "gone":
        job.call(confirm_dead(PaceKeys(job.uid), [victim.uid], []))
    alive.append(open_pod(job, victim.uid if kind == "restarted" else ""))
    wait_until(lambda: job.look().counters.get("losses", 0) > losses, "the loss is noticed")
    wait_until(lambda: job.number("suspects") == 0, "what was lost is fetched again")
    return Kill(kind, job.workers.index(victim.worker), before, after)


def seconds_until_again(arrivals: Sequence[Arrival], kill: Kill) -> list[float]:
    """Return for each request that the kill cut off how long after the kill the host was asked for it again."""
    found = []
    for seen in by_host(arrivals).values():
        for number, one in enumerate(seen):
            if one.worker == kill.worker and one.started <= kill.after and one.ended >= kill.before:
                again = next((later for later in seen[number + 1 :] if later.worker != kill.worker), None)
                if again is None:
                    raise RuntimeError(f"{one} was cut off by {kill} and never came again")
                found.append((again.started - kill.before) / 1e6)
    return found


def run(kills: int, chance_seed: int) -> dict[str, Any]:
    """Crawl through so many kills; figures as JSON."""
    chance, made = random.Random(chance_seed), []
    with (
        tempfile.TemporaryDirectory(prefix="crawlfleet-refetch-") as folder,
        frontier_server("redis") as server,
        judging(PAUSES_MS, AHEAD) as court,
    ):
        job = FrontierJob(server, Path(folder), zygote=Zygote())
        try:
            seed(job, court.port)
            alive = [open_pod(job), open_pod(job)]
            for number in range(kills):
                made.append(kill_one(job, KINDS[number % len(KINDS)], alive, chance))
                print(f"kill {len(made)} of {kills}", flush=True)
            wait_until(lambda: job.number("suspects") == 0, "all was fetched again")
            done = job.number("done")
            wait_until(lambda: job.number("done") > done + 3 * HOSTS, "the crawl goes on")
            dead = job.number("dead")
        finally:
            job.close()
            if job.zygote:
                job.zygote.close()
    return figures([(kill.kind, seconds_until_again(court.arrivals(), kill)) for kill in made], dead)


def figures(found: list[tuple[str, list[float]]], dead: int) -> dict[str, Any]:
    """Return what came of the kills, in seconds."""
    every = [seconds for _, of_kill in found for seconds in of_kill]
    return {
        "kills": len(found),
        "cut_off": len(every),
        "seconds_p50": round(quantile(every, 0.5), 3),
        "seconds_max": round(max(every, default=0.0), 3),
        "dead": dead,
        "each": [
            {"pod": kind, "cut_off": len(of_kill), "seconds_max": round(max(of_kill, default=0.0), 3)}
            for kind, of_kill in found
        ],
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.refetch", description=__doc__)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    print(json.dumps(run(given.kills, given.seed), indent=2))


if __name__ == "__main__":
    main()
