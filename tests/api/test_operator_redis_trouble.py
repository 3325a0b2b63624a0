"""Redis away, emptied, refusing, or without its Secret: nothing is decided from it, the status tells, and it heals."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from cluster.run import wait_until
from tests.api.fleet import Runs
from tests.api.operator_scene import HELD, Body, Scene, condition_of
from tests.api.stage import Stage
from tests.servers.ports import free_port
from tests.servers.redis import RedisServer, redis_server

pytest_plugins = ["tests.api.operator_fixtures"]

SAID_WITHIN = 15.0
"""Seconds until the status names the trouble: the promise."""

TWO_WORKERS = {
    "type": "Queue",
    "queue": {"maxReplicas": 2, "targetDrainSeconds": 1, "scaleDownStabilizationSeconds": 0},
}


@dataclass(frozen=True)
class Trouble:
    """What was told of one job while it was in trouble."""

    message: str
    seconds: float
    """From the harm until it was told, by the operator's stamp."""
    status: Body
    replicas: int | None
    pods: set[str]
    """The worker pods by UID."""


@dataclass(frozen=True)
class Troubles:
    """Jobs that were harmed and then mended, but the emptied and the hopeless one, which nothing mends."""

    scene: Scene
    stopped: RedisServer
    emptied: RedisServer
    since: float
    """When the harm was done, in epoch seconds."""
    held: set[str]
    """The worker pods of the stopped one before, by UID."""
    told: dict[str, Trouble]
    servers: ExitStack


TOLD = {
    "emptied": ("FrontierIntact", "SentinelMissing"),
    "stopped": ("FrontierObservable", "RedisUnreachable"),
    "refused": ("FrontierObservable", "RedisAccessDenied"),
    "secretless": ("Progressing", "RedisSecretMissing"),
}
"""The condition that is False, and its reason."""


def begin(stage: Stage) -> Troubles:
    """All jobs at once: two crawl and are then harmed, three never had a Redis. Their waits overlap."""
    scene, servers = stage.scene(), ExitStack()
    stopped = servers.enter_context(redis_server(appendonly=True))
    emptied = servers.enter_context(redis_server())
    guarded = servers.enter_context(redis_server(password="right"))
    for name, server in (("stopped", stopped), ("emptied", emptied)):
        scene.behave(name, HELD)
        scene.put_secret(name, server.url)
        scene.create(name, secret=name, scaling=TWO_WORKERS)
    scene.put_secret("refused", guarded.url.replace("right", "wrong"))
    scene.create("refused", secret="refused")
    scene.create("secretless", secret="to-come")
    scene.put_secret("nowhere", f"redis://127.0.0.1:{free_port()}")
    scene.create("hopeless", secret="nowhere", progressDeadlineSeconds=10)
    for name in ("stopped", "emptied"):
        scene.until_ready(name, 2, 40)
    held = _pods(scene, "stopped")
    stopped.stop()
    emptied.client().flushall()
    since = time.time()
    told = {name: _told(scene, name, since) for name in TOLD}
    _mend(scene, stopped, guarded)
    return Troubles(scene, stopped, emptied, since, held, told, servers)


def _told(scene: Scene, name: str, since: float) -> Trouble:
    type_, reason = TOLD[name]
    message = scene.until_condition(name, type_, "False", reason)[2]
    if name == "stopped":
        scene.until_condition(name, "ScalingLimited", "True", "FrontierUnknown")
    seconds = scene.told_at(name, type_) - since
    return Trouble(message, seconds, scene.status(name), scene.replicas(name), _pods(scene, name))


def _pods(scene: Scene, name: str) -> set[str]:
    return {pod["metadata"]["uid"] for pod in scene.pods(name)}


def _mend(scene: Scene, stopped: RedisServer, guarded: RedisServer) -> None:
    scene.put_secret("refused", guarded.url)
    scene.put_secret("to-come", scene.redis_server.url)
    scene.behave("stopped", Runs())
    stopped.start()


@pytest.fixture(scope="module")
def troubles(stage: Stage, begun: Troubles) -> Iterator[Troubles]:
    """The jobs in trouble."""
    yield begun
    # A deletion waits for a Redis to take the keys from.
    begun.scene.put_secret("nowhere", begun.scene.redis_server.url)
    stage.leave(begun.scene, begun.servers)


@pytest.fixture(scope="module")
def scene(troubles: Troubles) -> Scene:
    """Their namespace."""
    return troubles.scene


@pytest.mark.parametrize("name", TOLD)
def test_the_trouble_is_told_in_time(troubles: Troubles, name: str) -> None:
    assert troubles.told[name].seconds <= SAID_WITHIN


def test_an_emptied_redis_is_told(troubles: Troubles) -> None:
    trouble = troubles.told["emptied"]
    assert "delete it and apply it again" in trouble.message
    assert condition_of(trouble.status, "Progressing")[:2] == ("False", "SentinelMissing")


def test_a_stopped_redis_is_told_and_the_workers_held(troubles: Troubles) -> None:
    trouble = troubles.told["stopped"]
    assert f"127.0.0.1:{troubles.stopped.port}" in condition_of(trouble.status, "Progressing")[2]
    assert trouble.status["phase"] == "Blocked"
    assert trouble.replicas == 2
    assert trouble.pods == troubles.held


def test_a_wrong_password_is_told_and_mended(scene: Scene, troubles: Troubles) -> None:
    assert "wrong" not in troubles.told["refused"].message.replace("wrong pass", "")
    scene.until_condition("refused", "FrontierObservable", "True", "Reachable")
    scene.until("refused", _goes_on, "progress")


def test_a_missing_secret_is_told_and_mended(scene: Scene, troubles: Troubles) -> None:
    assert "'to-come'" in troubles.told["secretless"].message
    assert troubles.told["secretless"].replicas == 0
    scene.until_condition("secretless", "FrontierObservable", "True", "Reachable")
    scene.until("secretless", _goes_on, "progress")


def test_a_redis_that_comes_back_is_enough(scene: Scene, troubles: Troubles) -> None:
    scene.until_condition("stopped", "FrontierObservable", "True", "Reachable")
    scene.until_condition("stopped", "Complete", "True", "CrawlFinished", 30)
    assert scene.status("stopped")["frontier"]["done"] == 12


def _goes_on(status: Body) -> bool:
    return status["phase"] in ("Running", "Complete")


def test_an_emptied_redis_never_ends_the_crawl(scene: Scene, troubles: Troubles) -> None:
    """Its zeros have been there for longer than a crawl at rest needs to be called complete."""
    looks = scene.operator.metrics
    wait_until(lambda: time.time() - troubles.since > 12, "idleSeconds twice over", timeout=20)
    age = f'crawlfleet_crawljob_frontier_age_seconds{{crawljob="emptied",namespace="{scene.namespace}"}}'
    assert looks()[age] < 5
    assert scene.condition("emptied", "Complete") == ("", "", "")
    assert scene.condition("emptied", "FrontierIntact")[:2] == ("False", "SentinelMissing")
    assert scene.replicas("emptied") == 2
    assert troubles.emptied.client().keys() == []


def test_blocked_for_too_long_is_failed(scene: Scene, troubles: Troubles) -> None:
    message = scene.until_condition("hopeless", "Failed", "True", "ProgressDeadlineExceeded", 30)[2]
    assert message.startswith("blocked for 10 s by RedisUnreachable: Redis at 127.0.0.1:")
    assert scene.status("hopeless")["phase"] == "Failed"
    assert scene.condition("hopeless", "Progressing")[:2] == ("False", "Finished")


def test_no_password_is_told(scene: Scene, troubles: Troubles) -> None:
    told = f"{scene.status('refused')}{scene.operator.log}"
    assert "right" not in told.replace("copyright", "")
    assert ":wrong@" not in told
