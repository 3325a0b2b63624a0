"""A crawl on the node from apply to Complete: the exact pages, suspension, deletion, the time to live."""

from collections import Counter

from tests.e2e.crawls import Crawls, eventually
from tests.e2e.kills import QUEUE, TREE
from tests.e2e.site import Site


def test_a_crawl_fetches_every_page_and_is_complete(crawls: Crawls, site: Site) -> None:
    before = len(site.log())
    crawls.apply(crawls.manifest("tree", [site.url("/p/1")], scaling=QUEUE))
    crawls.wait("tree", "Complete", "True", seconds=180)
    fetched = Counter(entry["uri"] for entry in site.log()[before:] if entry["status"] == 200)
    assert set(fetched) == TREE
    frontier = crawls.get("tree")["status"]["frontier"]
    assert (frontier["queued"], frontier["inFlight"]) == (0, 0)
    assert (frontier["items"], frontier["pages"], frontier["done"]) == (len(TREE),) * 3


def test_scale_is_followed_under_external(crawls: Crawls, site: Site) -> None:
    slow = {"name": "generic", "settings": {"DOWNLOAD_DELAY": "1", "CONCURRENT_REQUESTS": "1"}}
    crawls.apply(crawls.manifest("outside", [site.url("/p/1")], spider=slow, scaling={"type": "External"}))
    crawls.wait("outside", "Progressing", "True", "Crawling")
    crawls.kube.run("scale", "crawljob/outside", "--replicas=3", "-n", crawls.namespace)
    eventually(lambda: crawls.get("outside")["status"]["workers"]["ready"] == 3, 60, lambda: str(crawls.get("outside")))


def test_suspend_keeps_the_queue_and_resume_goes_on(crawls: Crawls, site: Site) -> None:
    slow = {"name": "generic", "settings": {"DOWNLOAD_DELAY": "0.2"}}
    crawls.apply(crawls.manifest("paused", [site.url("/p/10")], spider=slow))
    eventually(lambda: crawls.get("paused")["status"]["frontier"]["seen"] > 0, 60, lambda: str(crawls.get("paused")))
    crawls.patch("paused", {"suspend": True})
    crawls.wait("paused", "Suspended", "True")
    eventually(lambda: not _objects(crawls, "pods", "worker"), 60, lambda: _objects(crawls, "pods", "worker"))
    crawls.patch("paused", {"suspend": False})
    crawls.wait("paused", "Complete", "True", seconds=120)
    assert crawls.get("paused")["status"]["frontier"]["items"] >= 111


def test_a_deleted_running_job_leaves_nothing_and_starts_empty_again(crawls: Crawls, site: Site) -> None:
    slow = {"name": "generic", "settings": {"DOWNLOAD_DELAY": "1"}}
    job = crawls.manifest("gone", [site.url("/p/1")], spider=slow)
    crawls.apply(job)
    eventually(lambda: crawls.get("gone")["status"]["frontier"]["seen"] > 5, 90, lambda: str(crawls.get("gone")))
    crawls.delete("gone")
    kinds = "crawljobs,deployments,replicasets,statefulsets,services,secrets,pods,persistentvolumeclaims"
    eventually(lambda: not _objects(crawls, kinds), 30, lambda: _objects(crawls, kinds))
    crawls.apply(job)
    crawls.wait("gone", "FrontierIntact", "True", seconds=60)
    frontier = crawls.get("gone")["status"]["frontier"]
    assert frontier["done"] == 0
    assert frontier["seen"] <= 10


def test_a_finished_job_goes_after_its_ttl(crawls: Crawls, site: Site) -> None:
    crawls.apply(crawls.manifest("brief", [site.url("/p/1000")], ttlSecondsAfterFinished=5))
    crawls.wait("brief", "Complete", "True", seconds=90)
    eventually(lambda: "brief" not in _objects(crawls, "crawljobs"), 30, lambda: _objects(crawls, "crawljobs"))


def _objects(crawls: Crawls, kinds: str, component: str | None = None) -> str:
    selector = "app.kubernetes.io/name=crawlfleet" + (f",app.kubernetes.io/component={component}" if component else "")
    select = () if kinds == "crawljobs" else ("-l", selector)
    if kinds.startswith("crawljobs,"):
        rest = kinds.removeprefix("crawljobs,")
        return _objects(crawls, "crawljobs") + _objects(crawls, rest, component)
    return crawls.kube.run("get", kinds, "-o", "name", "-n", crawls.namespace, *select).strip()
