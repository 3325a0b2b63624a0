"""`python -m demo pictures`: the demo's crawl, scraped by a real Prometheus, drawn by Grafana's own panels.

Beside the crawl a second CrawlJob names a spider that does not exist, so that *Fleet* shows what a blocked job looks
like.
"""

import shutil
import time
from pathlib import Path
from typing import Any, Final

from dashboards.picture import draw
from demo import crawl, parts, site, steps
from demo.kills import Kills
from demo.kube import Kube
from demo.prometheus import SCRAPE_SECONDS, scraping
from demo.run import WORK, say, step

PICTURES: Final = Path("docs/images")
DATA: Final = Path("out/prometheus")
BLOCKED: Final = "misspelt"
LEAD_SECONDS: Final = 5.0
"""Of quiet before and after the crawl, so that its beginning and end can be seen."""


def pictures(out: Path = PICTURES) -> None:
    """Draw both dashboards of one crawl into `out`; raises DemoError."""
    example = crawl.load()
    WORK.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(DATA, ignore_errors=True)
    with step("cluster, images, site, chart"):
        parts.cluster_up()
        kube = Kube.bundled_or_current()
        worker = parts.build_project_images()
        _, image = steps.build_site(WORK)
        steps.install(kube)
        site.deploy(kube, image)
    for name in (example.name, BLOCKED):
        crawl.remove(kube, name)
    with scraping(kube, steps.SYSTEM, DATA) as prometheus:
        start = time.time()
        time.sleep(LEAD_SECONDS)
        with step(f"kubectl apply -f {crawl.MANIFEST}"):
            steps.start(kube, example, worker, None)
            kube.apply([_misspelt(worker)])
        steps.follow(kube, example.name, Kills(kube, example.name))
        time.sleep(LEAD_SECONDS)
        with step("Grafana's panels"):
            drawn = draw(
                prometheus.url,
                start,
                time.time(),
                {"namespace": crawl.NAMESPACE, "crawljob": example.name},
                out,
                scrape_seconds=SCRAPE_SECONDS,
            )
    crawl.remove(kube, BLOCKED)
    for picture in drawn:
        say(f"    {picture}")


def _misspelt(worker: str) -> dict[str, Any]:
    return {
        "apiVersion": "crawlfleet.io/v1alpha1",
        "kind": "CrawlJob",
        "metadata": {"name": BLOCKED, "namespace": crawl.NAMESPACE},
        "spec": {"engine": "ScrapyRedis", "image": worker, "spider": {"name": "bokks"}},
    }
