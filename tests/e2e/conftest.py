"""The node, the chart on it and a site, once per run; a namespace and its CrawlJobs for each test."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from cluster.project_images import build_all
from demo.kube import Kube
from tests.e2e import site as e2e_site
from tests.e2e.crawls import Crawls
from tests.e2e.site import Site

REPOSITORY = Path(__file__).resolve().parents[2]
RELEASE_SECONDS = 180


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def kube() -> Kube:
    """kubectl and helm of the node, which is brought up if it is not."""
    subprocess.run([sys.executable, "-m", "cluster", "up"], cwd=REPOSITORY, check=True)
    return Kube.bundled_or_current()


@pytest.fixture(scope="session")
def images(kube: Kube) -> dict[str, str]:
    """Name → reference of the project's images, loaded into the node."""
    return build_all()


@pytest.fixture(scope="session")
def operator(kube: Kube, images: dict[str, str]) -> str:
    """The installed chart; returns its namespace."""
    namespace = "crawlfleet-system"
    chart, values = str(REPOSITORY / "charts/crawlfleet"), str(REPOSITORY / ".cluster/images.yaml")
    kube.install(
        *("upgrade", "--install", "crawlfleet", chart, "-n", namespace, "--create-namespace", "-f", values),
        # CRDs stay when a release goes: one of another name may have left them.
        "--take-ownership",
        *("--wait", "--timeout", f"{RELEASE_SECONDS}s"),
        seconds=RELEASE_SECONDS + 10,
    )
    return namespace


@pytest.fixture(scope="session")
def site(kube: Kube, images: dict[str, str]) -> Iterator[Site]:
    """The site: 1,111 pages below /p/1, and /planted with its errors."""
    planted = ["/broken/1", "/missing/1", "/missing/2", "/hang/1", "/p/1000"]
    kube.apply(e2e_site.manifests(images["nginx"], images["operator"], 4, planted))
    kube.run("rollout", "restart", "deploy/site", "-n", e2e_site.NAMESPACE)
    kube.run("rollout", "status", "deploy/site", "-n", e2e_site.NAMESPACE, "--timeout=90s", seconds=100)
    yield Site(kube)
    kube.run("delete", "namespace", e2e_site.NAMESPACE, "--wait=false")


@pytest.fixture
def crawls(kube: Kube, images: dict[str, str], operator: str) -> Iterator[Crawls]:
    """CrawlJobs in a namespace of their own, in which Pod Security `restricted` is enforced."""
    name = f"e2e-{uuid4().hex[:6]}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    kube.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}])
    made = Crawls(kube, name, images["worker"])
    made.configure()
    yield made
    if os.environ.get("KEEP_NAMESPACES") != "1":
        kube.run("delete", "crawljobs", "--all", "-n", name, "--wait=false")
        kube.run("delete", "namespace", name, "--wait=false")
