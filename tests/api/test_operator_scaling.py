"""Who sets the number of workers: the queue, `kubectl scale`, or a fixed number."""

import pytest

from cluster.control_plane import ControlPlane
from tests.api.fleet import Runs
from tests.api.operator_scene import HELD, Body, Scene, condition_of

pytest_plugins = ["tests.api.operator_fixtures"]

FOUR_AT_MOST = {
    "type": "Queue",
    "queue": {"maxReplicas": 4, "targetDrainSeconds": 1, "scaleDownStabilizationSeconds": 0},
}


@pytest.fixture(scope="module")
def growing(scene: Scene) -> Body:
    """A job that starts with 12 URLs, that is to be drained within a second, and that no worker takes from."""
    scene.behave("growing", HELD)
    return scene.create("growing", scaling=FOUR_AT_MOST)


def test_one_worker_until_the_first_has_reported_then_one_jump(scene: Scene, growing: Body) -> None:
    scene.until_replicas("growing", 2)  # 12 URLs at 8 a second and worker
    scene.redis.rpush(scene.keys("growing").requests, *("{}" for _ in range(15)))
    scene.until_replicas("growing", 4)
    scene.until("growing", lambda now: now["workers"]["desired"] == 4, "4 workers desired")
    wanted = [status["workers"]["desired"] for status in scene.history(growing) if "workers" in status]
    assert sorted(set(wanted)) == [0, 1, 2, 4]
    assert wanted == sorted(wanted)


def test_the_bound_is_told(scene: Scene, growing: Body) -> None:
    scene.redis.rpush(scene.keys("growing").requests, *("{}" for _ in range(100)))
    message = scene.until_condition("growing", "ScalingLimited", "True", "MaxReplicas")[2]
    assert "maxReplicas (4)" in message
    assert scene.replicas("growing") == 4


def test_down_to_zero_when_the_queue_is_empty(scene: Scene, growing: Body) -> None:
    scene.behave("growing", Runs())
    scene.until_replicas("growing", 0, 30)


def test_kubectl_scale_is_followed(scene: Scene, plane: ControlPlane) -> None:
    scene.behave("scaled", HELD)
    scene.create("scaled", scaling={"type": "External"})
    scene.until_ready("scaled", 1)
    plane.kubectl("scale", "-n", scene.namespace, "crawljob/scaled", "--replicas=3")
    status = scene.until_ready("scaled", 3)
    assert status["workers"]["replicas"] == 3
    assert scene.jobs.get("scaled")["spec"]["workers"]["replicas"] == 3
    plane.kubectl("scale", "-n", scene.namespace, "crawljob/scaled", "--replicas=0")
    scene.until_replicas("scaled", 0)


def test_a_fixed_number_is_kept(scene: Scene) -> None:
    scene.behave("fixed", HELD)
    scene.create("fixed", scaling={"type": "Fixed"}, workers={"replicas": 3})
    status = scene.until_ready("fixed", 3)
    assert condition_of(status, "ScalingLimited")[:2] == ("False", "WithinBounds")


def test_a_change_from_outside_is_undone(scene: Scene, plane: ControlPlane) -> None:
    scene.until_ready("fixed", 3)
    plane.kubectl("scale", "-n", scene.namespace, "deployment/fixed-worker", "--replicas=1")
    scene.until_replicas("fixed", 3)


def test_the_job_without_workers_is_complete(scene: Scene, growing: Body) -> None:
    scene.until_condition("growing", "Complete", "True", "CrawlFinished", 30)
    scene.until_replicas("growing", 0)
