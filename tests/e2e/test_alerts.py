"""Each alert fires and clears in a real Prometheus that scrapes the operator on the node, on what befalls real crawls.

The rules are the chart's, with short windows; their default windows are tested in tests/observability.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import pytest

from demo.prometheus import Prometheus, scraping
from tests.chart.helm import render
from tests.e2e.crawls import Crawls, eventually
from tests.e2e.site import Site

WINDOWS: Final = {
    "stuck": {"for": "2s"},
    "errors": {"window": "15s", "minimumAttempts": 20, "for": "2s"},
    "redisAway": {"for": "2s"},
}
FIRING_SECONDS = 60.0
CLEAR_SECONDS = 60.0
ONE_WORKER: Final = {"scaling": {"type": "Fixed"}, "workers": {"replicas": 1}}


@dataclass(frozen=True)
class Watched:
    """The alerts of one namespace's jobs."""

    prometheus: Prometheus
    namespace: str

    def description(self, alert: str, job: str) -> str:
        """Return what the alert says of the job; empty while it does not fire."""
        return self.prometheus.firing(alert, namespace=self.namespace, crawljob=job)

    def fires(self, alert: str, job: str) -> str:
        """Wait until it fires, and return what it says."""
        return eventually(lambda: self.description(alert, job), FIRING_SECONDS, lambda: f"{alert} does not fire")

    def clears(self, alert: str, job: str) -> None:
        """Wait until it no longer fires."""
        eventually(lambda: not self.description(alert, job), CLEAR_SECONDS, lambda: f"{alert} does not clear")


@pytest.fixture(scope="module")
def prometheus(kube: Any, operator: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus with the chart's rules."""
    rules = render({"alerts": {"enabled": True, **WINDOWS}}, "--show-only", "templates/prometheusrule.yaml")
    groups = rules[0]["spec"]["groups"]
    with scraping(kube, operator, tmp_path_factory.mktemp("prometheus"), groups) as running:
        yield running


@pytest.fixture
def watched(prometheus: Prometheus, crawls: Crawls) -> Watched:
    return Watched(prometheus, crawls.namespace)


def test_a_blocked_job_is_stuck_until_it_is_mended(watched: Watched, crawls: Crawls, site: Site) -> None:
    crawls.apply(crawls.manifest("blocked", [site.url("/p/1000")], image="localhost/crawlfleet/none:1"))
    assert "Progressing: ImagePullFailed" in watched.fires("CrawlJobStuck", "blocked")
    crawls.patch("blocked", {"image": crawls.worker_image})
    watched.clears("CrawlJobStuck", "blocked")
    crawls.wait("blocked", "Complete", "True")


def test_a_site_that_answers_500_raises_errors_until_the_job_is_deleted(
    watched: Watched, crawls: Crawls, site: Site
) -> None:
    spider = {"name": "generic", "settings": {"DOWNLOAD_DELAY": "0.05", "RETRY_ENABLED": "False"}}
    urls = [site.url(f"/broken/{number}") for number in range(500)]
    crawls.apply(crawls.manifest("failing", urls, spider=spider, **ONE_WORKER))
    said = watched.fires("CrawlJobErrors", "failing")
    assert "of its attempts in the last 15s failed (limit 50%), most of them as http_5xx" in said
    crawls.delete("failing")
    watched.clears("CrawlJobErrors", "failing")


@pytest.mark.skipif(os.environ.get("CLUSTER") == "current", reason="cordons every node")
def test_redis_is_away_until_its_pod_is_back(watched: Watched, crawls: Crawls, site: Site) -> None:
    slow = {"name": "generic", "settings": {"DOWNLOAD_DELAY": "0.1"}}
    crawls.apply(crawls.manifest("severed", [site.url("/p/10")], spider=slow, **ONE_WORKER))
    fetched = f'sum(crawlfleet_crawljob_pages_total{{namespace="{crawls.namespace}",crawljob="severed"}})'
    eventually(lambda: watched.prometheus.value(fetched), 90, lambda: "nothing fetched")
    with _no_room_for_new_pods(crawls) as make_room:
        crawls.kube.run("delete", "pod", "severed-redis-0", "-n", crawls.namespace, "--now", seconds=60)
        said = watched.fires("CrawlJobRedisAway", "severed")
        make_room()
        watched.clears("CrawlJobRedisAway", "severed")
    assert "FrontierObservable: RedisUnreachable" in said
    crawls.wait("severed", "Complete", "True")
    assert crawls.get("severed")["status"]["frontier"]["items"] >= 111


@contextmanager
def _no_room_for_new_pods(crawls: Crawls) -> Iterator[Callable[[], None]]:
    """Cordon the nodes, so that a pod that goes does not come back; yields how to admit pods again."""
    nodes = [node["metadata"]["name"] for node in crawls.kube.json("get", "nodes")["items"]]
    crawls.kube.run("cordon", *nodes)

    def make_room() -> None:
        crawls.kube.run("uncordon", *nodes)

    try:
        yield make_room
    finally:
        make_room()
