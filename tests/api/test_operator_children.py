"""A managed job's children: made, owned, restricted, and gone with the job."""

import base64

import pytest

from cluster.run import wait_until
from tests.api.operator_scene import Body, Scene

pytest_plugins = ["tests.api.operator_fixtures"]

CHILDREN = {
    "deployment": "managed-worker",
    "stateful_set": "managed-redis",
    "service": "managed-redis",
    "secret": "managed-redis",
}


@pytest.fixture(scope="module")
def managed(scene: Scene) -> Body:
    created = scene.create("managed", redis={"type": "Managed"})
    scene.until("managed", lambda now: now.get("phase") == "Pending", "phase Pending")
    for kind, name in CHILDREN.items():
        wait_until(lambda kind=kind, name=name: scene.child(kind, name) is not None, f"{kind} {name}", timeout=10)  # type: ignore[misc]
    return created


@pytest.mark.parametrize("kind", CHILDREN)
def test_every_child_is_owned(scene: Scene, managed: Body, kind: str) -> None:
    child = scene.child(kind, CHILDREN[kind])
    assert child is not None
    (owner,) = child["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"]) == ("CrawlJob", "managed", managed["metadata"]["uid"])
    assert owner["controller"] is True
    assert child["metadata"]["labels"]["crawlfleet.io/job-uid"] == managed["metadata"]["uid"]


def test_the_redis_pod_is_admitted_as_restricted(scene: Scene, managed: Body) -> None:
    """The namespace enforces the standard: a pod that exists has passed."""
    wait_until(lambda: len(scene.pods("managed", "redis")) == 1, "the Redis pod", timeout=15)
    assert any(name.startswith("persistent_volume_claim/") for name in scene.objects())


def test_the_password_is_in_the_secret_alone(scene: Scene, managed: Body) -> None:
    secret = scene.child("secret", "managed-redis")
    assert secret is not None
    password = base64.b64decode(secret["data"]["password"]).decode()
    assert len(password) >= 24
    others = [scene.child(kind, name) for kind, name in CHILDREN.items() if kind != "secret"]
    assert password not in f"{others}{scene.jobs.get('managed')}{scene.operator.log}"


def test_no_worker_before_redis_answers(scene: Scene, managed: Body) -> None:
    assert scene.replicas("managed") == 0
    assert scene.condition("managed", "ScalingLimited")[:2] == ("True", "FrontierUnknown")


def test_what_is_deleted_is_made_again(scene: Scene, managed: Body) -> None:
    before = scene.child("service", "managed-redis")
    assert before is not None
    scene.delete_child("service", "managed-redis")

    def made_again() -> bool:
        service = scene.child("service", "managed-redis")
        return service is not None and service["metadata"]["uid"] != before["metadata"]["uid"]

    wait_until(made_again, "another Service", timeout=15)


def test_nothing_is_left_of_a_deleted_job(scene: Scene, managed: Body) -> None:
    scene.jobs.delete("managed")
    assert "managed" not in scene.jobs.names()  # no finalizer: its keys go with its Redis
    wait_until(lambda: scene.objects() == [], "nothing of the job to be left", timeout=30)
