"""Redis away, emptied, refusing, or without its Secret: nothing is decided from it, the status tells, and it heals."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from cluster.run import wait_until
from tests.api.fleet import Runs
from tests.api.operator_scene import HELD, Scene
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
class Troubles:
    """Redises that a test may harm, and when the harm was done to those harmed at the start."""

    stopped: RedisServer
    emptied: RedisServer
    guarded: RedisServer
    since: float

    def left(self) -> float:
        """Seconds that are left to say so."""
        return self.since + SAID_WITHIN - time.monotonic()


@pytest.fixture(scope="module")
def troubles(scene: Scene) -> Iterator[Troubles]:
    """All jobs at once: two crawl and are then harmed, two never had a Redis. Their waits overlap."""
    with ExitStack() as stack:
        stopped = stack.enter_context(redis_server(appendonly=True))
        emptied = stack.enter_context(redis_server())
        guarded = stack.enter_context(redis_server(password="right"))
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
            scene.until_ready(name, 2)
        stopped.stop()
        emptied.client().flushall()
        yield Troubles(stopped, emptied, guarded, time.monotonic())
        scene.put_secret("nowhere", scene.redis_server.url)
        scene.clear()  # while there are Redises to take the keys from: a deletion waits for that


def test_an_emptied_redis_is_told_at_once(scene: Scene, troubles: Troubles) -> None:
    message = scene.until_condition("emptied", "FrontierIntact", "False", "SentinelMissing", troubles.left())[2]
    assert "delete it and apply it again" in message
    assert scene.condition("emptied", "Progressing")[:2] == ("False", "SentinelMissing")


def test_a_stopped_redis_is_told_and_the_workers_held(scene: Scene, troubles: Troubles) -> None:
    workers = {pod["metadata"]["uid"] for pod in scene.pods("stopped")}
    scene.until_condition("stopped", "FrontierObservable", "False", "RedisUnreachable", troubles.left())
    scene.until_condition("stopped", "ScalingLimited", "True", "FrontierUnknown")
    message = scene.condition("stopped", "Progressing")[2]
    assert f"127.0.0.1:{troubles.stopped.port}" in message
    assert scene.status("stopped")["phase"] == "Blocked"
    assert scene.replicas("stopped") == 2
    assert {pod["metadata"]["uid"] for pod in scene.pods("stopped")} == workers


def test_a_wrong_password_is_told_and_mended(scene: Scene, troubles: Troubles) -> None:
    message = scene.until_condition("refused", "FrontierObservable", "False", "RedisAccessDenied", troubles.left())[2]
    assert "wrong" not in message.replace("wrong pass", "")
    scene.put_secret("refused", troubles.guarded.url)
    scene.until_condition("refused", "FrontierObservable", "True", "Reachable")
    scene.until_ready("refused", 1)


def test_a_missing_secret_is_told_and_mended(scene: Scene, troubles: Troubles) -> None:
    message = scene.until_condition("secretless", "Progressing", "False", "RedisSecretMissing", troubles.left())[2]
    assert "'to-come'" in message
    assert scene.replicas("secretless") == 0
    scene.put_secret("to-come", scene.redis_server.url)
    scene.until_condition("secretless", "FrontierObservable", "True", "Reachable")
    scene.until_ready("secretless", 1)


def test_a_redis_that_comes_back_is_enough(scene: Scene, troubles: Troubles) -> None:
    troubles.stopped.start()
    scene.until_condition("stopped", "FrontierObservable", "True", "Reachable")
    scene.behave("stopped", Runs())
    scene.until_condition("stopped", "Complete", "True", "CrawlFinished", 30)
    assert scene.status("stopped")["frontier"]["done"] == 12


def test_an_emptied_redis_never_ends_the_crawl(scene: Scene, troubles: Troubles) -> None:
    """Its zeros have been there for longer than a crawl at rest needs to be called complete."""
    looks = scene.operator.metrics
    wait_until(lambda: time.monotonic() - troubles.since > 12, "idleSeconds twice over", timeout=20)
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
