"""How soon does a grown queue give more workers? `python -m benchmarks.scale_latency [--jobs N] [--active M …]`.

The whole of it, kept: `make evidence-scale-latency` (`benchmarks/studies/scale_latency.py`).

On a control plane with a Redis on loopback and simulated workers that beat: URLs are pushed to the Redis key of a fresh
job, and the time is taken until the API server shows the patched replicas of its worker Deployment (by a watch).

- `growth`: the job crawls and its first worker has reported; a push that wants all of its workers.
- `start`: the job waits without a worker for its first URL, and has for some seconds.

The jobs come in batches of as many as are to be active at once, and grow one after the other.
"""

import argparse
import json
import random
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kubernetes import client, config, watch

from benchmarks import records
from benchmarks.operator_plane import NAMESPACE, OUT, Bench, bench, circumstances, code_under_test, manifest
from cluster.run import wait_until
from tests.api.fleet import Fleet, Runs, fleet
from tests.api.operator_process import running_operator
from tests.api.simulated_worker import Pace

PATIENCE = 120.0
PUSHED = 100
"""URLs of a push: with a target of one second they want more than the two workers that a job may have."""
SCALING = {
    "type": "Queue",
    "queue": {"maxReplicas": 2, "targetDrainSeconds": 1, "scaleDownStabilizationSeconds": 0},
}


class Replicas:
    """When did the API server first show so many replicas of a Deployment? Watched in a thread."""

    def __init__(self) -> None:
        self._first: dict[tuple[str, int], float] = {}
        self._ended = False

    def follow(self, api_client: client.ApiClient) -> None:
        """Watch until `end`."""
        while not self._ended:
            apps, watcher = client.AppsV1Api(api_client), watch.Watch()  # type: ignore[no-untyped-call]
            events = watcher.stream(apps.list_namespaced_deployment, NAMESPACE, timeout_seconds=5)  # type: ignore[no-untyped-call]
            for event in events:
                self._note(event["raw_object"])

    def _note(self, deployment: dict[str, Any]) -> None:
        key = (deployment["metadata"]["name"], int(deployment["spec"]["replicas"]))
        self._first.setdefault(key, time.monotonic())

    def first(self, job: str, replicas: int) -> float:
        """Wait for it; returns monotonic seconds."""
        key = (f"{job}-worker", replicas)
        wait_until(lambda: key in self._first, f"{job}: {replicas} replicas", PATIENCE)
        return self._first[key]

    def end(self) -> None:
        """Have `follow` return within some seconds."""
        self._ended = True


@contextmanager
def _following(stage: Bench) -> Iterator[Replicas]:
    replicas = Replicas()
    with config.new_client_from_config(str(stage.plane.kubeconfig)) as own:  # type: ignore[no-untyped-call]
        thread = threading.Thread(target=replicas.follow, args=(own,), name="replicas")
        thread.start()
        try:
            yield replicas
        finally:
            replicas.end()
            thread.join()


def measure_batch(stage: Bench, crew: Fleet, replicas: Replicas, names: list[str]) -> dict[str, list[float]]:
    """Measure a batch of fresh jobs that are active together, in seconds; they are deleted afterwards."""
    store = stage.redis_server.client()
    for name in names:
        crew.behave(NAMESPACE, name, Runs(Pace(requests=0)))
    stage.create_all(manifest(name, scaling=SCALING) for name in names)
    for name in names:
        wait_until(lambda name=name: _is_idle(stage, name), f"{name} to wait for URLs", PATIENCE)  # type: ignore[misc]
    start = [_push(store, replicas, name, 1, wanted=1) for name in names]
    for name in names:
        wait_until(lambda name=name: _has_reported(stage, name), f"{name}'s first worker", PATIENCE)  # type: ignore[misc]
    growth = [_push(store, replicas, name, PUSHED, wanted=2) for name in names]
    for name in names:
        stage.delete(name)
    wait_until(lambda: not stage.list(), "the batch to be gone", PATIENCE)
    return {"start": start, "growth": growth}


def _push(store: Any, replicas: Replicas, name: str, urls: int, wanted: int) -> float:  # noqa: ANN401
    _pause(random.uniform(0, 1))  # the operator looks once a second: any moment between two looks
    pushed = time.monotonic()
    store.rpush(f"{name}:start_urls", *(json.dumps({"url": f"http://a.example/{n}"}) for n in range(urls)))
    return replicas.first(name, wanted) - pushed


def _pause(seconds: float) -> None:
    threading.Event().wait(seconds)


def _is_idle(stage: Bench, name: str) -> bool:
    conditions = stage.get(name).get("status", {}).get("conditions", [])
    return any((each["type"], each["reason"]) == ("Progressing", "Idle") for each in conditions)


def _has_reported(stage: Bench, name: str) -> bool:
    conditions = stage.get(name).get("status", {}).get("conditions", [])
    return any((each["type"], each["reason"]) == ("Progressing", "Crawling") for each in conditions)


def summary(seconds: list[float]) -> dict[str, float]:
    """Return number, median, 95th percentile and maximum, in seconds."""
    ranked = sorted(seconds)
    p95 = ranked[min(len(ranked) - 1, round(0.95 * len(ranked) + 0.5) - 1)]
    return {
        "samples": len(ranked),
        "p50": round(statistics.median(ranked), 3),
        "p95": round(p95, 3),
        "max": round(ranked[-1], 3),
    }


def run(jobs: int, active: int) -> dict[str, list[float]]:
    """Measure so many fresh jobs, so many of them active at once; returns the seconds of each, by kind."""
    samples: dict[str, list[float]] = {"start": [], "growth": []}
    with (
        bench() as stage,
        fleet(stage.api_client) as crew,
        running_operator(stage.plane, "default", "latency"),
        _following(stage) as replicas,
    ):
        for first in range(0, jobs, active):
            names = [f"job-{n}" for n in range(first, first + active)]
            for kind, seconds in measure_batch(stage, crew, replicas, names).items():
                samples[kind] += seconds
            print(f"{active} active: {first + active} of {jobs} jobs", flush=True)
    return {kind: [round(each, 3) for each in seconds[:jobs]] for kind, seconds in samples.items()}


def summaries(samples: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    """Return the summary of each kind."""
    return {kind: summary(seconds) for kind, seconds in samples.items()}


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale_latency")
    parser.add_argument("--jobs", type=int, default=50, help="fresh jobs for each number of active ones (50)")
    parser.add_argument("--active", type=int, nargs="+", default=[1, 20], help="jobs active at once (1 20)")
    given = parser.parse_args()
    code = code_under_test()
    results = {str(active): summaries(run(given.jobs, active)) for active in given.active}
    records.write(OUT / "scale_latency.json", {**circumstances(code), "seconds_by_active_jobs": results})
    print("| active jobs | what | samples | p50 s | p95 s | max s |\n|---|---|---|---|---|---|")
    for active, kinds in results.items():
        for kind, found in kinds.items():
            print(f"| {active} | {kind} | " + " | ".join(str(value) for value in found.values()) + " |")


if __name__ == "__main__":
    main()
