"""How much does the operator write? Nothing at rest, one status per change, by the API server's audit log."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from cluster.run import wait_until
from tests.api.audit_log import Request
from tests.api.fleet import Exits
from tests.api.operator_scene import HELD, Scene
from tests.api.stage import Stage

pytest_plugins = ["tests.api.operator_fixtures"]

AT_REST_SECONDS = 20.0
QUIET_SECONDS = 3.0


@dataclass(frozen=True)
class Rest:
    """Jobs that are at rest, and since when."""

    scene: Scene
    mark: int
    """Where the rest begins in the audit log."""
    since: float
    """The same in monotonic seconds."""

    def writes(self, since: int) -> list[Request]:
        """Return what the operator wrote to these jobs and what is theirs."""
        return [write for write in self.scene.operator.writes(since) if write.namespace == self.scene.namespace]


def begin(stage: Stage) -> Rest:
    """Jobs in each state in which nothing has to be done, settled."""
    scene = stage.scene()
    awaited = {"type": "RedisKey", "redisKey": {"key": "resting:start_urls"}}
    scene.create("suspended", suspend=True)
    scene.create("awaiting", seeds=awaited)
    scene.create("managed", redis={"type": "Managed"})
    scene.create("finished", seeds={"type": "Inline", "inline": {"urls": ["http://a.example/"]}})
    scene.behave("fatal", Exits(65, "no spider 'books'"))
    scene.create("fatal")
    scene.behave("working", HELD)
    scene.create("working")
    scene.create("secretless", secret="missing")
    scene.until("suspended", lambda now: now.get("phase") == "Suspended", "phase Suspended")
    scene.until_condition("awaiting", "Progressing", "True", "Idle")
    scene.until_condition("fatal", "Progressing", "False", "SpiderNotFound")
    scene.until_ready("working", 1)
    scene.until_condition("finished", "Complete", "True", "CrawlFinished", 30)
    scene.until_condition("secretless", "FrontierObservable", "False", "RedisSecretMissing")
    scene.until_condition("managed", "FrontierObservable", "False", "RedisUnreachable")
    now = Rest(scene, scene.operator.mark(), time.monotonic())
    _writes_until_quiet(now)
    return Rest(scene, scene.operator.mark(), time.monotonic())


@pytest.fixture(scope="module")
def resting(begun: Rest) -> Iterator[Rest]:
    """The jobs at rest."""
    yield begun
    begun.scene.put_secret(
        "missing", begun.scene.redis_server.url
    )  # a deletion waits for a Redis to take the keys from
    begun.scene.leave()


@pytest.fixture(scope="module")
def changed(resting: Rest) -> list[Request]:
    """What the operator writes when one job is suspended, one with a worker too, and one gets a stranger's note."""
    now, jobs = Rest(resting.scene, resting.scene.operator.mark(), time.monotonic()), resting.scene.jobs
    jobs.patch("awaiting", {"spec": {"suspend": True}})
    jobs.patch("working", {"spec": {"suspend": True}})
    jobs.patch("suspended", {"metadata": {"annotations": {"example.com/note": "read"}}})
    return _writes_until_quiet(now)


def _writes_until_quiet(rest: Rest) -> list[Request]:
    """Return what the operator wrote since then, when it has written nothing more for 3 s."""
    seen: list[Request] = []
    quiet_since = time.monotonic()

    def quiet() -> bool:
        nonlocal seen, quiet_since
        now = rest.writes(rest.mark)
        if len(now) != len(seen):
            seen, quiet_since = now, time.monotonic()
        return time.monotonic() - quiet_since >= QUIET_SECONDS

    wait_until(quiet, "the operator to be quiet", timeout=40)
    return seen


def _said(writes: list[Request], *jobs: str) -> list[str]:
    """Put the writes in words: all of them, or those to these jobs and their children."""
    mine = [write for write in writes if not jobs or write.name.removesuffix("-worker") in jobs]
    return [f"{write.verb} {write.resource} {write.name} {write.code}" for write in mine]


def test_nothing_is_written_at_rest(resting: Rest) -> None:
    """The jobs rest while other tests work; alone, they do for 20 s."""
    wait_until(lambda: time.monotonic() - resting.since >= AT_REST_SECONDS, "20 s at rest", 2 * AT_REST_SECONDS)
    assert _said(resting.writes(resting.mark)) == []


def test_a_change_is_one_status_write(changed: list[Request]) -> None:
    assert _said(changed, "awaiting") == ["patch crawljobs/status awaiting 200"]


def test_a_new_number_of_workers_is_one_apply(changed: list[Request]) -> None:
    """One apply for it, one status for the wish; the pod's end may be told in one more."""
    said = _said(changed, "working")
    assert said[:2] == ["patch deployments working-worker 200", "patch crawljobs/status working 200"]
    assert said[2:] in ([], ["patch crawljobs/status working 200"])


def test_an_annotation_of_somebody_else_is_no_change(changed: list[Request]) -> None:
    assert _said(changed, "suspended") == []


def test_a_change_of_one_is_no_change_of_others(changed: list[Request]) -> None:
    assert {write.name.removesuffix("-worker") for write in changed} == {"awaiting", "working"}


def test_everything_it_did_was_allowed_by_the_charts_role(resting: Rest) -> None:
    assert resting.scene.operator.refusals() == []
