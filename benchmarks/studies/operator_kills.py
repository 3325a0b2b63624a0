"""The operator's pod killed (`kubectl delete pod --force`) at 20 seeded moments, over five crawls on the node."""

from collections.abc import Mapping
from typing import Any, Final

from benchmarks.operator_plane import CODE
from benchmarks.records import Evidence
from tests.e2e import scene
from tests.e2e.kills import crawl_and_kill

KILLS_PER_CRAWL: Final = 4
CRAWLS: Final = 5


def run(seed: int) -> Mapping[str, Any]:
    """Run one crawl with its kills; raises AssertionError where its end is not the undisturbed one."""
    kube = scene.cluster_up()
    images = scene.images_loaded()
    operator = scene.chart_installed(kube)
    with scene.site_running(kube, images) as site, scene.crawls_in_a_namespace(kube, images) as crawls:
        outcome = crawl_and_kill(crawls, site, operator, seed, KILLS_PER_CRAWL)
    assert (outcome.phase, outcome.missing, outcome.extra, outcome.redis_restarts) == ("Complete", 0, 0, 0), outcome  # noqa: S101
    return outcome.counts()


EVIDENCE: Final = Evidence(
    name="operator-kills",
    question="does a crawl come to the same end when the operator is killed at any moment?",
    paths=(*CODE, "charts/crawlfleet/templates/*", "tests/e2e/kills.py"),
    seeds=tuple(range(1, CRAWLS + 1)),
    budget_seconds=600.0,
    run=run,
)
