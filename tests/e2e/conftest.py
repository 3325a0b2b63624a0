"""The node, the chart on it and a site, once per run; a namespace and its CrawlJobs for each test."""

from collections.abc import Iterator

import pytest

from demo.kube import Kube
from tests.e2e import scene
from tests.e2e.crawls import Crawls
from tests.e2e.site import Site


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/e2e/" in item.path.as_posix():
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def kube() -> Kube:
    """kubectl and helm of the node, which is brought up if it is not."""
    return scene.cluster_up()


@pytest.fixture(scope="session")
def images(kube: Kube) -> dict[str, str]:
    """Name → reference of the project's images, loaded into the node."""
    return scene.images_loaded()


@pytest.fixture(scope="session")
def operator(kube: Kube, images: dict[str, str]) -> str:
    """The installed chart; returns its namespace."""
    return scene.chart_installed(kube)


@pytest.fixture(scope="session")
def site(kube: Kube, images: dict[str, str]) -> Iterator[Site]:
    """The site: 1,111 pages below /p/1, and /planted with its errors."""
    with scene.site_running(kube, images) as running:
        yield running


@pytest.fixture
def crawls(kube: Kube, images: dict[str, str], operator: str) -> Iterator[Crawls]:
    """CrawlJobs in a namespace of their own, in which Pod Security `restricted` is enforced."""
    with scene.crawls_in_a_namespace(kube, images) as made:
        yield made
