"""Operators that are killed in mid-crawl, and two at once: the same end, and nothing wrongly deleted."""

import random
import time
from collections.abc import Iterator

import pytest
from kubernetes import client

from cluster.control_plane import ControlPlane
from cluster.run import wait_until
from tests.api.fleet import Fleet, Runs
from tests.api.operator_process import OperatorProcess, running_operator
from tests.api.operator_scene import INLINE, Body, Scene
from tests.api.simulated_worker import START_REQUESTS, Pace
from tests.servers.redis import RedisServer

pytest_plugins = ["tests.api.operator_fixtures"]

KILLS = 3
SLOWLY = Runs(Pace(requests=1))
"""About five requests a second and worker: a crawl of 12 takes some seconds."""

SCALED = {"type": "Queue", "queue": {"maxReplicas": 3, "targetDrainSeconds": 1, "scaleDownStabilizationSeconds": 0}}


@pytest.fixture(scope="module")
def pair(plane: ControlPlane) -> Iterator[tuple[OperatorProcess, OperatorProcess]]:
    """Two operators of one class that know nothing of each other."""
    with running_operator(plane, "pair", "first") as first, running_operator(plane, "pair", "second") as second:
        yield first, second
        assert first.refusals() + second.refusals() == []


@pytest.fixture
def twice(
    api_client: client.ApiClient,
    pair: tuple[OperatorProcess, OperatorProcess],
    simulated_fleet: Fleet,
    crawl_redis: RedisServer,
) -> Iterator[Scene]:
    """A namespace in which both are at work."""
    made = Scene(api_client, pair[0], simulated_fleet, crawl_redis)
    yield made
    made.leave()


@pytest.fixture
def killed(
    plane: ControlPlane, api_client: client.ApiClient, simulated_fleet: Fleet, crawl_redis: RedisServer
) -> Iterator[Scene]:
    """A namespace with an operator of its own, to be killed."""
    with running_operator(plane, "killed", "killed") as operator:
        made = Scene(api_client, operator, simulated_fleet, crawl_redis)
        yield made
        made.leave()


def test_a_killed_operator_goes_on_where_it_was(killed: Scene) -> None:
    moments = random.Random(3)
    created = _create_all(killed)
    for _ in range(KILLS):
        until = time.monotonic() + moments.uniform(0.1, 2.0)
        wait_until(lambda until=until: time.monotonic() > until, "a seeded moment", timeout=5)
        killed.operator.kill()
        killed.operator.start()
    _assert_all_ended_well(killed, created)
    assert _deletions(killed.operator) == []


def test_two_operators_reach_the_same_end(twice: Scene, pair: tuple[OperatorProcess, OperatorProcess]) -> None:
    created = _create_all(twice)
    _assert_all_ended_well(twice, created)
    assert [_deletions(operator) for operator in pair] == [[], []]
    assert any("crawljobs/status" in write.resource for operator in pair for write in operator.writes())
    secrets = [write for operator in pair for write in operator.writes() if write.resource == "secrets"]
    assert [write.code for write in secrets].count(201) == 1
    failed = 'crawlfleet_operator_reconciles_total{result="failed"}'
    assert [operator.metrics()[failed] for operator in pair] == [0, 0]


def _create_all(scene: Scene) -> dict[str, Body]:
    for name in ("inline", "spider"):
        scene.behave(name, SLOWLY)
    return {
        "inline": scene.create("inline", scaling=SCALED),
        "spider": scene.create("spider", seeds={"type": "Spider"}),
        "managed": scene.create("managed", redis={"type": "Managed"}),
        "suspended": scene.create("suspended", suspend=True),
    }


def _assert_all_ended_well(scene: Scene, created: dict[str, Body]) -> None:
    scene.until("managed", lambda now: "conditions" in now, "a status")
    wait_until(lambda: scene.child("stateful_set", "managed-redis") is not None, "the managed Redis", timeout=10)
    password = scene.child("secret", "managed-redis")
    for name, admitted in (("inline", len(INLINE["inline"]["urls"])), ("spider", START_REQUESTS)):
        scene.until_condition(name, "Complete", "True", "CrawlFinished", 40)
        assert scene.status(name)["frontier"]["done"] == admitted
        scene.until_replicas(name, 0)
    assert scene.child("secret", "managed-redis") == password
    assert scene.status("suspended")["phase"] == "Suspended"
    assert scene.child("deployment", "suspended-worker") is None
    assert {name: scene.jobs.get(name)["metadata"]["uid"] for name in created} == {
        name: body["metadata"]["uid"] for name, body in created.items()
    }


def _deletions(operator: OperatorProcess) -> list[str]:
    return [str(write) for write in operator.writes() if write.verb.startswith("delete")]
