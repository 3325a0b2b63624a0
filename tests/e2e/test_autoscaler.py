"""A HorizontalPodAutoscaler follows the queue of a CrawlJob with `scaling: External`, through the scale subresource."""

import os
from pathlib import Path
from typing import Any

import pytest

from cluster.node import layout
from demo.watch import METRICS, read_metrics
from tests.e2e import external_metrics
from tests.e2e.crawls import Crawls, eventually
from tests.e2e.printed import followed, keep
from tests.e2e.site import Site

NAME = "forum"
MOST = 4
QUEUED_PER_WORKER = 100


@pytest.mark.skipif(os.environ.get("CLUSTER") == "current", reason="the API server has to reach this machine")
def test_an_autoscaler_follows_the_queue(crawls: Crawls, site: Site, tmp_path: Path) -> None:
    def queued(namespace: str, metric: str, selector: str) -> float:
        assert (metric, selector) == ("crawlfleet_crawljob_queued_requests", f"crawljob={NAME}")
        return read_metrics(crawls.kube.run("get", "--raw", METRICS), NAME, namespace).get("queued", 0)

    def ready() -> int:
        return int(crawls.get(NAME)["status"]["workers"]["ready"])

    slow = {"name": "generic", "settings": {"DOWNLOAD_DELAY": "0.1", "RANDOMIZE_DOWNLOAD_DELAY": "False"}}
    serving = external_metrics.serving(crawls.kube, layout.HOST_ADDRESS, tmp_path / "pki", queued)
    with serving, followed(crawls, "hpa", tmp_path / "followed") as printed:
        crawls.apply(crawls.manifest(NAME, [site.url("/p/1")], spider=slow, scaling={"type": "External"}))
        crawls.apply(_autoscaler(crawls))
        eventually(lambda: ready() == MOST, 90, printed)
        eventually(lambda: crawls.get(NAME)["spec"]["workers"]["replicas"] == 1, 120, printed)
        crawls.wait(NAME, "Complete", "True")
        keep({"kubectl get hpa -w": printed()})


def _autoscaler(crawls: Crawls) -> dict[str, Any]:
    metric = {"name": "crawlfleet_crawljob_queued_requests", "selector": {"matchLabels": {"crawljob": NAME}}}
    target = {"type": "AverageValue", "averageValue": str(QUEUED_PER_WORKER)}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": NAME, "namespace": crawls.namespace},
        "spec": {
            "scaleTargetRef": {"apiVersion": "crawlfleet.io/v1alpha1", "kind": "CrawlJob", "name": NAME},
            "minReplicas": 1,
            "maxReplicas": MOST,
            "metrics": [{"type": "External", "external": {"metric": metric, "target": target}}],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
        },
    }
