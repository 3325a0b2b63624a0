"""The demo's steps, each by itself: from the cluster to the judge."""

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from demo import content, crawl, judge, parts, results, site, watch
from demo.crawl import Crawl
from demo.errors import DemoError
from demo.judge import Verdict
from demo.kills import Kills
from demo.kube import Kube
from demo.watch import Sample

RELEASE: Final = "crawlfleet"
SYSTEM: Final = "crawlfleet-system"
INSTALL_SECONDS: Final = 180
CRAWL_SECONDS: Final = 540.0
EMPTY_SECONDS: Final = 60.0


def install(kube: Kube) -> None:
    """Install or upgrade the chart and wait for the operator."""
    kube.install(
        *("upgrade", "--install", RELEASE, "charts/crawlfleet", "-n", SYSTEM, "--create-namespace"),
        # CRDs stay when a release goes: one of another name may have left them.
        *("-f", str(parts.image_values()), "--take-ownership", "--wait", f"--timeout={INSTALL_SECONDS}s"),
        seconds=INSTALL_SECONDS + 20,
    )


def build_site(work: Path) -> tuple[Path, str]:
    """Unpack the books and build the site's image; return the tree (for the judge) and the image."""
    pages = content.assemble(work / "tree")
    if pages < 3000:
        raise DemoError(f"the site has only {pages} pages: the documentation packages changed")
    site.write_context(work)
    return work / "tree", parts.build_site_image(work, site.IMAGE)


def start(kube: Kube, example: Crawl, image: str, plant: str | None) -> str:
    """Apply the CrawlJob in place of an earlier one and return its UID."""
    crawl.remove(kube, example.name)
    kube.apply(example.documents(image, plant))
    job = kube.json("get", "crawljob", example.name, "-n", crawl.NAMESPACE)
    return str(job["metadata"]["uid"])


def follow(kube: Kube, name: str, kills: Kills) -> list[Sample]:
    """Show the crawl, two workers killed on the way, until it is Complete and its workers are gone."""
    begin = time.monotonic()
    history = watch.show(watch.samples(lambda: kills.strike(watch.look(kube, name, begin)), CRAWL_SECONDS))
    while history[-1].ready or history[-1].desired:
        if history[-1].seconds - _completed(history) > EMPTY_SECONDS:
            raise DemoError("the crawl is complete and its workers stay", f"kubectl get pods -n {crawl.NAMESPACE}")
        time.sleep(watch.SAMPLE_SECONDS)
        history.append(watch.look(kube, name, begin))
    return history


def _completed(history: Sequence[Sample]) -> float:
    return next(sample.seconds for sample in history if sample.complete)


def collect(kube: Kube, name: str, uid: str, out: Path) -> None:
    """Fetch items and access log into the folder."""
    results.drain(results.redis_of(kube, name), uid, out / "items.jsonl")
    site.fetch_log(kube, out / "access.jsonl")


def verdict_of(tree: Path, example: Crawl, out: Path) -> Verdict:
    """Let the judge compare the files with the log."""
    with (out / "access.jsonl").open(encoding="utf-8") as log:
        return judge.judge(judge.Site(tree), example.rules, log)


def faults(history: Sequence[Sample], verdict: Verdict, items: Path) -> Iterator[str]:
    """Yield whatever is not as it must be, in words."""
    if not verdict.equal:
        yield "\n".join(verdict.explain())
    if (most := max(sample.ready for sample in history)) < 2:
        yield f"the fleet never grew: at most {most} worker was ready"
    if (different := len(set(addresses(items)))) != verdict.with_content:
        yield f"items of {different} different pages, {verdict.with_content} pages with content"


def addresses(items: Path) -> list[str]:
    """Return the address of each item, a page fetched twice (after a kill) twice."""
    with items.open(encoding="utf-8") as file:
        return [str(json.loads(line).get("url")) for line in file]
