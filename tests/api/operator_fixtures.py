"""Fixtures of the operator's tests; a test module asks for them with `pytest_plugins`."""

from collections.abc import Iterator

import pytest
from kubernetes import client

from cluster.control_plane import ControlPlane
from tests.api.fleet import Fleet, fleet
from tests.api.operator_process import OperatorProcess, running_operator
from tests.api.operator_scene import Scene
from tests.servers.redis import RedisServer, redis_server


@pytest.fixture(scope="session")
def operator_process(plane: ControlPlane) -> Iterator[OperatorProcess]:
    """An operator of class `tests`, so that the CRD's own CrawlJobs are none of its business."""
    with running_operator(plane, "tests", "tests") as operator:
        yield operator
        assert operator.refusals() == []


@pytest.fixture(scope="session")
def simulated_fleet(api_client: client.ApiClient) -> Iterator[Fleet]:
    """The kubelet and the workers of the whole control plane."""
    with fleet(api_client) as running:
        yield running
        assert running.faults == []


@pytest.fixture(scope="session")
def crawl_redis() -> Iterator[RedisServer]:
    """A Redis for all jobs that need none of their own."""
    with redis_server() as server:
        yield server


@pytest.fixture(scope="module")
def scene(
    api_client: client.ApiClient, operator_process: OperatorProcess, simulated_fleet: Fleet, crawl_redis: RedisServer
) -> Iterator[Scene]:
    """A namespace for the tests of one module."""
    made = Scene(api_client, operator_process, simulated_fleet, crawl_redis)
    yield made
    made.leave()
