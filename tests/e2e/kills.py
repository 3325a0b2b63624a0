"""A crawl during which the operator's pod is killed at seeded moments."""

import random
import time
from dataclasses import asdict, dataclass
from typing import Any

from tests.e2e.crawls import Crawls, eventually
from tests.e2e.site import Site

TREE = {f"/p/{n}" for n in [1, *range(10, 20), *range(100, 200), *range(1000, 2000)]}
SELECTOR = "app.kubernetes.io/name=crawlfleet,app.kubernetes.io/component=operator"
EARLIEST, LATEST = 1.0, 30.0
"""Seconds after `kubectl apply` between which the kills fall: from before Redis is up to after the last page."""

QUEUE = {"type": "Queue", "queue": {"maxReplicas": 4, "targetDrainSeconds": 5, "scaleDownStabilizationSeconds": 5}}
SLOW = {"name": "generic", "settings": {"DOWNLOAD_DELAY": "0.03", "RANDOMIZE_DOWNLOAD_DELAY": "False"}}


@dataclass(frozen=True)
class Outcome:
    """What became of one crawl."""

    kills_at: list[float]
    """Seconds after the apply."""
    phase: str
    missing: int
    """Pages of the tree that the site's log lacks."""
    extra: int
    done: int
    worker_pods_started: int
    redis_restarts: int

    def counts(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)


def crawl_and_kill(crawls: Crawls, site: Site, operator: str, seed: int, kills: int) -> Outcome:
    """Run one crawl of 1,111 pages, kill the operator's pod `kills` times, and wait for the end."""
    name, before = f"killed-{seed}", len(site.log())
    chance = random.Random(seed)
    moments = sorted(chance.uniform(EARLIEST, LATEST) for _ in range(kills))
    crawls.apply(crawls.manifest(name, [site.url("/p/1")], spider=SLOW, scaling=QUEUE))
    start = time.monotonic()
    killed_at = []
    for moment in moments:
        time.sleep(max(0.0, moment - (time.monotonic() - start)))
        crawls.kube.run("delete", "pod", "-n", operator, "-l", SELECTOR, "--force", "--grace-period=0", seconds=60)
        killed_at.append(round(time.monotonic() - start, 1))
    crawls.wait(name, "Complete", "True", seconds=240)
    eventually(lambda: not _pods(crawls, name, "worker"), 60, lambda: "workers remain")
    fetched = {entry["uri"] for entry in site.log()[before:] if entry["status"] == 200}
    status = crawls.get(name)["status"]
    redis = _pods(crawls, name, "redis")
    return Outcome(
        kills_at=killed_at,
        phase=status["phase"],
        missing=len(TREE - fetched),
        extra=len(fetched - TREE),
        done=status["frontier"]["done"],
        worker_pods_started=_worker_pods_started(crawls, name),
        redis_restarts=sum(c["restartCount"] for pod in redis for c in pod["status"]["containerStatuses"]),
    )


def _pods(crawls: Crawls, name: str, component: str) -> list[dict[str, Any]]:
    selector = f"crawlfleet.io/job-name={name},app.kubernetes.io/component={component}"
    return list(crawls.kube.json("get", "pods", "-n", crawls.namespace, "-l", selector)["items"])


def _worker_pods_started(crawls: Crawls, name: str) -> int:
    events = crawls.kube.json("get", "events", "-n", crawls.namespace)["items"]
    return len(
        {
            event["involvedObject"]["name"]
            for event in events
            if event["reason"] == "Started" and event["involvedObject"]["name"].startswith(f"{name}-worker-")
        }
    )
