"""The workers follow the queue on the node: from none up to at least four in steps, and back to none."""

import time
from pathlib import Path
from typing import Any

import pytest

from demo.watch import METRICS, read_metrics
from tests.e2e.crawls import Crawls
from tests.e2e.site import Site

LIMIT_SECONDS = 240.0
MOST = 5


@pytest.mark.parametrize("target", [4, 12])
def test_the_workers_follow_the_queue(target: int, crawls: Crawls, site: Site) -> None:
    name = f"follow-{target}"
    queue = {"maxReplicas": MOST, "targetDrainSeconds": target, "scaleDownStabilizationSeconds": 5}
    slow = {"name": "generic", "settings": {"DOWNLOAD_DELAY": "0.03", "RANDOMIZE_DOWNLOAD_DELAY": "False"}}
    crawls.apply(crawls.manifest(name, [site.url("/p/1")], spider=slow, scaling={"type": "Queue", "queue": queue}))
    samples = _watch(crawls, name)
    _save(name, samples)
    wanted = [sample["desired"] for sample in samples]
    assert max(wanted) >= 4
    assert len(set(wanted) - {0}) >= 2, f"no step between none and the most: {wanted}"
    assert wanted[-1] == 0
    assert samples[-1]["phase"] == "Complete"


def _watch(crawls: Crawls, name: str) -> list[dict[str, Any]]:
    """Look once a second until the job is Complete and its workers are gone: the table itself is the aim."""
    samples: list[dict[str, Any]] = []
    start = time.monotonic()
    while time.monotonic() - start < LIMIT_SECONDS:
        status = crawls.get(name).get("status") or {}
        workers = status.get("workers") or {}
        exact = read_metrics(crawls.kube.run("get", "--raw", METRICS), name, crawls.namespace)
        samples.append(
            {
                "second": round(time.monotonic() - start),
                "phase": status.get("phase", "Pending"),
                "backlog": exact.get("queued", 0) + exact.get("in_flight", 0),
                **{key: int(workers.get(key, 0)) for key in ("desired", "replicas", "ready")},
            }
        )
        if samples[-1]["phase"] == "Complete" and samples[-1]["replicas"] == 0:
            break
        time.sleep(1)
    return samples


def _save(name: str, samples: list[dict[str, Any]]) -> None:
    lines = ["second  phase      backlog  wanted  pods  ready"]
    lines += ["{second:6}  {phase:9} {backlog:8} {desired:7} {replicas:5} {ready:6}".format(**s) for s in samples]
    folder = Path("out/e2e")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
