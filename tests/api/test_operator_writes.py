"""How much does the operator write? Nothing at rest, one status per change, by the API server's audit log."""

import time
from collections.abc import Callable, Iterator

import pytest

from cluster.run import wait_until
from tests.api.audit_log import Request
from tests.api.fleet import Exits
from tests.api.operator_scene import HELD, Scene

pytest_plugins = ["tests.api.operator_fixtures"]

AT_REST_SECONDS = 20.0
QUIET_SECONDS = 3.0


@pytest.fixture(scope="module")
def resting(scene: Scene) -> Iterator[Scene]:
    """Jobs in each state in which nothing has to be done, settled."""
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
    _writes_after(scene, scene.operator.mark)
    yield scene
    scene.put_secret("missing", scene.redis_server.url)  # a deletion waits for a Redis to take the keys from
    scene.clear()


def _writes_after(scene: Scene, change: Callable[[], object]) -> list[Request]:
    """Make a change; return what the operator wrote until it had written nothing more for 3 s."""
    mark = scene.operator.mark()
    change()
    seen: list[Request] = []
    quiet_since = time.monotonic()

    def quiet() -> bool:
        nonlocal seen, quiet_since
        now = scene.operator.writes(mark)
        if len(now) != len(seen):
            seen, quiet_since = now, time.monotonic()
        return time.monotonic() - quiet_since >= QUIET_SECONDS

    wait_until(quiet, "the operator to be quiet", timeout=40)
    return seen


def _said(writes: list[Request]) -> list[str]:
    return [f"{write.verb} {write.resource} {write.name} {write.code}" for write in writes]


def test_a_change_is_one_status_write(resting: Scene) -> None:
    writes = _writes_after(resting, lambda: resting.jobs.patch("awaiting", {"spec": {"suspend": True}}))
    assert _said(writes) == ["patch crawljobs/status awaiting 200"]


def test_a_new_number_of_workers_is_one_apply(resting: Scene) -> None:
    """One apply for it, one status for the wish; the pod's end may be told in one more."""
    writes = _writes_after(resting, lambda: resting.jobs.patch("working", {"spec": {"suspend": True}}))
    said = _said(writes)
    assert said[:2] == ["patch deployments working-worker 200", "patch crawljobs/status working 200"]
    assert said[2:] in ([], ["patch crawljobs/status working 200"])


def test_an_annotation_of_somebody_else_is_no_change(resting: Scene) -> None:
    note = {"metadata": {"annotations": {"example.com/note": "read"}}}
    assert _writes_after(resting, lambda: resting.jobs.patch("suspended", note)) == []


def test_nothing_is_written_at_rest(resting: Scene) -> None:
    mark, until = resting.operator.mark(), time.monotonic() + AT_REST_SECONDS
    wait_until(lambda: time.monotonic() > until, "20 s at rest", timeout=2 * AT_REST_SECONDS)
    assert _said(resting.operator.writes(mark)) == []


def test_everything_it_did_was_allowed_by_the_charts_role(resting: Scene) -> None:
    assert resting.operator.refusals() == []
