"""Pods that cannot run: the condition carries their own words, a fatal exit stops the workers, and a mend is enough."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import pytest

from tests.api.fleet import Behaviour, Exits, Runs, Silent, Unscheduled, Waits
from tests.api.operator_scene import Body, Scene, condition_of
from tests.api.stage import Stage

pytest_plugins = ["tests.api.operator_fixtures"]

SAID_WITHIN = 15.0
"""Seconds until the status names the cause: the promise."""
BY_ITSELF = ["unpullable", "roomless", "silent", "crashing"]
"""Those that go on when what was in their way is gone, without a change of the job."""
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


@dataclass(frozen=True)
class Blocked:
    """Jobs whose pods cannot run."""

    scene: Scene
    created: dict[str, Body]

    def seconds_until_told(self, name: str) -> float:
        """Return how long after its creation a job was told to be blocked."""
        stamp = self.created[name]["metadata"]["creationTimestamp"]
        return self.scene.told_at(name, "Progressing") - datetime.fromisoformat(stamp).timestamp()


def begin(stage: Stage) -> Blocked:
    """All jobs at once."""
    scene = stage.scene()
    for name, behaviour in BLOCKED.items():
        scene.behave(name, behaviour)
    short: Body = {"given-up": {"progressDeadlineSeconds": 10}}
    return Blocked(scene, {name: scene.create(name, **short.get(name, {})) for name in BLOCKED})


@pytest.fixture(scope="module")
def blocked(stage: Stage, begun: Blocked) -> Iterator[Blocked]:
    """The blocked jobs."""
    yield begun
    stage.leave(begun.scene)


@pytest.fixture(scope="module")
def scene(blocked: Blocked) -> Scene:
    """Their namespace."""
    return blocked.scene


@pytest.fixture(scope="module")
def mended(scene: Scene) -> None:
    """All but one mended at once: the one with another spider, the others by what was in their way."""
    scene.until_replicas("unknown-spider", 0)
    assert [scene.replicas(name) for name in BY_ITSELF] == [1, 1, 1, 1]
    for name in ("unknown-spider", *BY_ITSELF):
        scene.behave(name, Runs())
    scene.jobs.patch("unknown-spider", {"spec": {"spider": {"name": "quotes"}}})


@pytest.mark.parametrize(("name", "reason", "words"), TOLD, ids=[name for name, _, _ in TOLD])
def test_the_cause_is_told(scene: Scene, blocked: Blocked, name: str, reason: str, words: str) -> None:
    message = scene.until_condition(name, "Progressing", "False", reason)[2]
    assert words in message
    assert scene.status(name)["phase"] == "Blocked"
    assert blocked.seconds_until_told(name) <= SAID_WITHIN


@pytest.mark.parametrize("name", ["unknown-spider", "packageless"])
def test_a_fatal_exit_stops_the_workers(scene: Scene, name: str) -> None:
    status = scene.until(name, lambda now: now["workers"]["desired"] == 0, "0 workers desired")
    assert condition_of(status, "Progressing")[0] == "False"
    scene.until_replicas(name, 0)


@pytest.mark.parametrize("name", BY_ITSELF)
def test_what_mends_itself_goes_on(scene: Scene, mended: None, name: str) -> None:
    scene.until(name, lambda now: condition_of(now, "Progressing")[0] == "True", "progress")


def test_a_mended_spec_starts_them_again(scene: Scene, mended: None) -> None:
    scene.until_condition("unknown-spider", "Complete", "True", "CrawlFinished", 30)


def test_blocked_for_too_long_is_failed(scene: Scene) -> None:
    message = scene.until_condition("given-up", "Failed", "True", "ProgressDeadlineExceeded", 30)[2]
    assert message == "blocked for 10 s by ImagePullFailed: registry.example: no such host"
    scene.until_replicas("given-up", 0)
