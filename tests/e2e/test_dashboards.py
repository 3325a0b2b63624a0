"""Every query of both committed dashboards returns data from a crawl on the node, in the time that the crawl took."""

import time
from math import isnan
from pathlib import Path
from typing import Any

from dashboards.prometheus import Prometheus
from dashboards.variables import Window, resolve, values
from demo.prometheus import SCRAPE_SECONDS, scraping
from tests.e2e.crawls import Crawls, eventually
from tests.e2e.kills import QUEUE
from tests.e2e.site import Site
from tests.observability.committed import Asked, boards, queries

NAME = "drawn"
FRONTIER = {
    "engine": "Frontier",
    "dedupe": {"type": "Bloom", "bloom": {"capacity": 10_000, "errorsPerMillion": 1000}},
    "politeness": {"default": {"delayMilliseconds": 0, "maxConcurrentRequests": 16}},
}
FAILURES = "sum(crawlfleet_operator_reconcile_errors_total)"


def test_every_query_returns_data(crawls: Crawls, operator: str, site: Site, tmp_path: Path) -> None:
    spider = {"name": "generic", "settings": {"DOWNLOAD_TIMEOUT": "3", "RETRY_TIMES": "1"}}
    seeds = [site.url("/planted"), site.url("/p/10")]
    known = {"namespace": crawls.namespace, "crawljob": NAME}
    with scraping(crawls.kube, operator, tmp_path) as prometheus:
        start, failed = time.time(), prometheus.value(FAILURES) or 0
        crawls.apply(_quota(crawls), crawls.manifest(NAME, seeds, spider=spider, scaling=QUEUE, **FRONTIER))
        eventually(lambda: (prometheus.value(FAILURES) or 0) > failed, 30, lambda: "no reconcile failed")
        crawls.kube.run("delete", "resourcequota", "none", "-n", crawls.namespace)
        crawls.wait(NAME, "Complete", "True", seconds=150)
        complete = f'crawlfleet_crawljob_phase{{namespace="{crawls.namespace}",phase="Complete"}}'
        eventually(lambda: prometheus.query(complete), 30, lambda: "Prometheus does not know of the end")
        empty = list(queries())

        def answered() -> bool:
            window = Window(start, time.time(), SCRAPE_SECONDS)
            empty[:] = [asked for asked in empty if not _has_data(asked, prometheus.url, window, known)]
            return not empty

        # A subquery looks at multiples of its step alone: a figure of the last seconds shows at the next one, 15 s on.
        eventually(answered, 30, lambda: f"without data: {empty}")


def _has_data(asked: Asked, url: str, window: Window, given: dict[str, str]) -> bool:
    names = values(boards()[asked.board], given) | window.intervals()
    series = Prometheus(url).over(resolve(asked.expr, names), window.start, window.end, SCRAPE_SECONDS)
    return any(not isnan(value) for one in series for _, value in one.samples)


def _quota(crawls: Crawls) -> dict[str, Any]:
    """Return a quota that forbids the job's Redis, so that reconciles fail until it is deleted."""
    metadata = {"name": "none", "namespace": crawls.namespace}
    hard = {"count/statefulsets.apps": "0"}
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": hard}}
