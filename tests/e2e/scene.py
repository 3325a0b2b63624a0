"""What every test of the node stands on: the cluster, the images, the chart, the site, a namespace for crawls."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from cluster.project_images import build_all
from demo import parts, steps
from demo.kube import Kube
from tests.e2e import site as e2e_site
from tests.e2e.crawls import Crawls
from tests.e2e.site import Site

PLANTED = ["/broken/1", "/missing/1", "/missing/2", "/hang/1", "/p/1000"]


def cluster_up() -> Kube:
    """Bring the node up if it is not, and return its kubectl and helm."""
    parts.cluster_up()
    return Kube.bundled_or_current()


def images_loaded() -> dict[str, str]:
    """Build and load the project's images; name → reference."""
    return build_all()


def chart_installed(kube: Kube) -> str:
    """Install or upgrade the chart and return its namespace."""
    steps.install(kube)
    return steps.SYSTEM


@contextmanager
def site_running(kube: Kube, images: dict[str, str]) -> Iterator[Site]:
    """Yield the site: 1,111 pages below /p/1, and /planted with its errors."""
    kube.apply(e2e_site.manifests(images["nginx"], images["operator"], 4, PLANTED))
    kube.run("rollout", "restart", "deploy/site", "-n", e2e_site.NAMESPACE)
    kube.run("rollout", "status", "deploy/site", "-n", e2e_site.NAMESPACE, "--timeout=90s", seconds=100)
    yield Site(kube)
    kube.run("delete", "namespace", e2e_site.NAMESPACE, "--timeout=90s", seconds=100)


@contextmanager
def crawls_in_a_namespace(kube: Kube, images: dict[str, str]) -> Iterator[Crawls]:
    """Yield the CrawlJobs of a new namespace, in which Pod Security `restricted` is enforced."""
    name = f"e2e-{uuid4().hex[:6]}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    kube.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}])
    made = Crawls(kube, name, images["worker"])
    made.configure()
    yield made
    if os.environ.get("KEEP_NAMESPACES") != "1":
        kube.run("delete", "crawljobs", "--all", "-n", name, "--wait=false")
        kube.run("delete", "namespace", name, "--wait=false")
