"""A real API server with our CRD in it, once per run of the tests, and clients that send it CrawlJobs."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from kubernetes import client, config

from cluster.control_plane import ControlPlane
from tests.api.crawljobs import Client

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]


@pytest.fixture(scope="session", autouse=True)
def head_start(request: pytest.FixtureRequest) -> None:
    """Begin what the chosen operator tests have to begin; without one of them nothing is started."""
    mine = [item for item in request.session.items if item.path.is_relative_to(HERE)]
    modules = list(dict.fromkeys(item.module for item in mine if isinstance(item, pytest.Function)))
    if any("tests.api.operator_fixtures" in getattr(module, "pytest_plugins", ()) for module in modules):
        request.getfixturevalue("stage").begin(modules)


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """The control plane, with the CRD established; `plane.kubectl(...)` and `plane.kubeconfig` reach it."""
    with ControlPlane(tmp_path_factory.mktemp("control-plane")) as started:
        started.kubectl("apply", "--server-side", "-f", str(REPOSITORY / "crds"))
        started.kubectl("wait", "--for=condition=Established", "crd/crawljobs.crawlfleet.io", "--timeout=30s")
        yield started


@pytest.fixture(scope="session")
def api_client(plane: ControlPlane) -> Iterator[client.ApiClient]:
    """A blocking client of the control plane's administrator."""
    with config.new_client_from_config(str(plane.kubeconfig)) as connected:  # type: ignore[no-untyped-call]
        yield connected


@pytest.fixture
def namespace(api_client: client.ApiClient) -> Iterator[str]:
    """A namespace for one test; the API server takes it away afterwards, in its own time."""
    name = create_namespace(api_client)
    yield name
    client.CoreV1Api(api_client).delete_namespace(name)


@pytest.fixture(scope="session")
def shared_namespace(api_client: client.ApiClient) -> str:
    """One namespace for all tests of the CRD: no operator looks at it, and each test leaves it empty."""
    return create_namespace(api_client)


@pytest.fixture
def crawljobs(api_client: client.ApiClient, shared_namespace: str) -> Iterator[Client]:
    """CrawlJobs of the shared namespace: none before the test, none after it."""
    jobs = Client(client.CustomObjectsApi(api_client), shared_namespace)
    yield jobs
    for name in jobs.names():
        jobs.delete(name)


def create_namespace(api_client: client.ApiClient) -> str:
    """Create a namespace with a name of its own, and return the name."""
    name = f"test-{uuid4().hex[:8]}"
    metadata = client.V1ObjectMeta(name=name)
    client.CoreV1Api(api_client).create_namespace(client.V1Namespace(metadata=metadata))
    return name
