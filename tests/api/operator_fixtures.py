"""Fixtures of the operator's tests; a test module asks for them with `pytest_plugins`."""

from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client

from cluster.control_plane import ControlPlane
from tests.api.fleet import fleet
from tests.api.operator_scene import Scene
from tests.api.stage import Stage
from tests.servers.redis import redis_server


@pytest.fixture(scope="session")
def stage(plane: ControlPlane, api_client: client.ApiClient) -> Iterator[Stage]:
    """What all of them stand on: the kubelet and the workers of the control plane, a Redis, the operators."""
    with fleet(api_client) as running, redis_server() as server:
        made = Stage(plane, api_client, running, server)
        yield made
        made.end()
        assert running.faults == []


@pytest.fixture(scope="module")
def begun(stage: Stage, request: pytest.FixtureRequest) -> Any:
    """What the module's `begin` returned."""
    return stage.begun(request.module.__name__)


@pytest.fixture(scope="module")
def scene(stage: Stage) -> Iterator[Scene]:
    """A namespace for the tests of one module."""
    stage.wait_for_the_alone()
    made = stage.scene()
    yield made
    stage.leave(made)
