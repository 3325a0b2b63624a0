"""What kubectl shows of a crawl on the node, kept in out/e2e/kubectl.json for docs/kubectl.md."""

from pathlib import Path

import pytest

from demo.errors import DemoError
from tests.e2e.crawls import Crawls, eventually
from tests.e2e.kills import QUEUE
from tests.e2e.printed import followed, keep
from tests.e2e.site import Site

SLOW = {"name": "generic", "settings": {"DOWNLOAD_DELAY": "0.05"}}


def test_kubectl_shows_waits_and_explains(crawls: Crawls, site: Site, tmp_path: Path) -> None:
    run, namespace = crawls.kube.run, ("-n", crawls.namespace)
    with followed(crawls, "crawljobs", tmp_path / "followed") as printed:
        crawls.apply(crawls.manifest("shown", [site.url("/p/10")], spider=SLOW, scaling=QUEUE))
        run("wait", "--for=condition=Complete", "crawljob/shown", *namespace, "--timeout=120s", seconds=130)
        eventually(lambda: _phases(printed())[-1:] == ["Complete"], 10, printed)
    views = {
        "kubectl get crawljobs -w": printed(),
        "kubectl get crawljobs": run("get", "crawljobs", *namespace),
        "kubectl get crawljobs -o wide": run("get", "crawljobs", "-o", "wide", *namespace),
        "kubectl describe crawljob shown": run("describe", "crawljob", "shown", *namespace),
        "kubectl explain crawljob.spec": run("explain", "crawljob.spec"),
    }
    keep(views)
    assert "Running" in _phases(views["kubectl get crawljobs -w"])
    assert "Complete" in views["kubectl get crawljobs"]
    assert "CrawlFinished" in views["kubectl describe crawljob shown"]
    assert "scaling" in views["kubectl explain crawljob.spec"]


def test_scale_is_refused_under_queue(crawls: Crawls, site: Site) -> None:
    crawls.apply(crawls.manifest("quotes", [site.url("/p/100")], scaling=QUEUE))
    command = ("scale", "crawljob/quotes", "--replicas=3")
    with pytest.raises(DemoError, match=r"change scaling\.queue\.minReplicas and maxReplicas") as refused:
        crawls.kube.run(*command, "-n", crawls.namespace)
    keep({f"kubectl {' '.join(command)}": refused.value.reason.partition(": ")[2] + "\n"})
    assert crawls.get("quotes")["spec"]["workers"]["replicas"] != 3


def _phases(table: str) -> list[str]:
    """Return the second column; where it is empty as yet, the age stands there."""
    rows = [line.split() for line in table.splitlines()[1:]]
    return [cells[1] for cells in rows if cells[1].isalpha()]
