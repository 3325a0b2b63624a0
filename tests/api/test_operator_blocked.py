"""Pods that cannot run: the condition carries their own words, a fatal exit stops the workers, and a mend is enough."""

import pytest

from tests.api.fleet import Behaviour, Exits, Runs, Silent, Unscheduled, Waits
from tests.api.operator_scene import Scene, condition_of

pytest_plugins = ["tests.api.operator_fixtures"]

SAID_WITHIN = 15.0
PULL = 'Back-off pulling image "registry.example/books-spiders:1": not found'
UNKNOWN_SPIDER = "no spider 'books'; the image has: quotes"
ROOMLESS = "0/3 nodes are available: 3 Insufficient cpu."

BLOCKED: dict[str, Behaviour] = {
    "unknown-spider": Exits(65, UNKNOWN_SPIDER),
    "unpullable": Waits("ImagePullBackOff", PULL),
    "roomless": Unscheduled(ROOMLESS),
    "silent": Silent(),
    "crashing": Exits(70, "ValueError: no such page"),
    "packageless": Exits(128, 'exec: "crawlfleet-worker": executable file not found in $PATH'),
    "given-up": Waits("ErrImagePull", "registry.example: no such host"),
}

TOLD = [
    ("unknown-spider", "SpiderNotFound", UNKNOWN_SPIDER),
    ("unpullable", "ImagePullFailed", PULL),
    ("roomless", "Unschedulable", ROOMLESS),
    ("silent", "NoHeartbeat", "its worker never reported to Redis"),
    ("crashing", "WorkerCrashed", "ValueError: no such page"),
    ("packageless", "WorkerPackageMissing", "has no command crawlfleet-worker"),
]


@pytest.fixture(scope="module")
def blocked(scene: Scene) -> None:
    """All jobs at once."""
    for name, behaviour in BLOCKED.items():
        scene.behave(name, behaviour)
        scene.create(name, **({"progressDeadlineSeconds": 10} if name == "given-up" else {}))


@pytest.mark.parametrize(("name", "reason", "words"), TOLD, ids=[name for name, _, _ in TOLD])
def test_the_cause_is_told(scene: Scene, blocked: None, name: str, reason: str, words: str) -> None:
    message = scene.until_condition(name, "Progressing", "False", reason, SAID_WITHIN)[2]
    assert words in message
    assert scene.status(name)["phase"] == "Blocked"


@pytest.mark.parametrize("name", ["unknown-spider", "packageless"])
def test_a_fatal_exit_stops_the_workers(scene: Scene, blocked: None, name: str) -> None:
    status = scene.until(name, lambda now: now["workers"]["desired"] == 0, "0 workers desired")
    assert condition_of(status, "Progressing")[0] == "False"
    scene.until_replicas(name, 0)


def test_a_mended_spec_starts_them_again(scene: Scene, blocked: None) -> None:
    scene.until_replicas("unknown-spider", 0)
    scene.behave("unknown-spider", Runs())
    scene.jobs.patch("unknown-spider", {"spec": {"spider": {"name": "quotes"}}})
    scene.until_condition("unknown-spider", "Complete", "True", "CrawlFinished", 30)


@pytest.mark.parametrize("name", ["unpullable", "roomless", "silent", "crashing"])
def test_what_mends_itself_goes_on(scene: Scene, blocked: None, name: str) -> None:
    assert scene.replicas(name) == 1
    scene.behave(name, Runs())
    scene.until(name, lambda now: condition_of(now, "Progressing")[0] == "True", "progress")


def test_blocked_for_too_long_is_failed(scene: Scene, blocked: None) -> None:
    message = scene.until_condition("given-up", "Failed", "True", "ProgressDeadlineExceeded", 30)[2]
    assert message == "blocked for 10 s by ImagePullFailed: registry.example: no such host"
    scene.until_replicas("given-up", 0)
