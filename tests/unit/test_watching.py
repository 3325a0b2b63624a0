"""Which events call for a look at a job."""

import kopf
import pytest

from crawlfleet import names
from crawlfleet.watching import CHILDREN, build_registry, build_settings
from tests import builders as b
from tests.unit.operator_world import KEY, World


def seen(kind, body, world=None):
    world = world or World()
    world.watcher.on_job(kind, body)
    return world


def queued(world):
    return len(world.queue)


@pytest.fixture
def world():
    """A world that knows the job, with nothing queued."""
    world = seen("ADDED", b.job().body)
    world.queue.__init__()
    return world


@pytest.mark.parametrize("kind", [None, "ADDED", "MODIFIED"])
def test_a_job_that_is_new_to_us(kind):
    world = seen(kind, b.job().body)
    assert queued(world) == 1
    assert world.cache.job(KEY).uid == b.UID


def test_our_own_status_writes_call_for_nothing(world):
    seen(
        "MODIFIED",
        b.merged(b.job().body, {"metadata": {"resourceVersion": "11"}, "status": {"phase": "Running"}}),
        world,
    )
    assert queued(world) == 0
    assert world.cache.job(KEY).status == {"phase": "Running"}


@pytest.mark.parametrize(
    "metadata", [{"generation": 2}, {"deletionTimestamp": b.stamp()}, {"finalizers": [names.FINALIZER]}]
)
def test_what_the_user_asks_for_calls_for_a_look(world, metadata):
    seen("MODIFIED", b.merged(b.job().body, {"metadata": {"resourceVersion": "11", **metadata}}), world)
    assert queued(world) == 1


def test_a_stale_event_calls_for_nothing(world):
    seen("MODIFIED", b.merged(b.job().body, {"metadata": {"resourceVersion": "9", "generation": 2}}), world)
    assert queued(world) == 0


@pytest.mark.parametrize("kind", ["ADDED", "DELETED", None])
def test_jobs_of_another_class_are_left_alone(kind):
    world = seen(kind, b.job({"operatorClass": "other"}).body)
    assert (queued(world), len(world.cache)) == (0, 0)


def test_a_deleted_job_is_dropped_and_cleared(world):
    seen("DELETED", b.job().body, world)
    assert world.cache.job(KEY) is None
    assert queued(world) == 1


def test_a_job_made_anew_while_no_watch_was_open(world):
    seen("MODIFIED", b.job(uid="second").body, world)
    assert world.cache.job(KEY).uid == "second"
    assert [clearing.uid for clearing in world.reconciler._clearing[KEY]] == [b.UID]
    seen("DELETED", b.job().body, world)  # the first one's end, told late
    assert world.cache.job(KEY).uid == "second"
    assert len(world.reconciler._clearing[KEY]) == 1


def test_children_call_for_a_look_at_their_job(world):
    pod = b.pod(b.job())
    world.watcher.on_child("ADDED", pod)
    assert queued(world) == 1
    assert len(world.cache.children(b.job(), secret_exists=True).worker_pods) == 1
    world.watcher.on_child("DELETED", pod)
    assert world.cache.children(b.job(), secret_exists=True).worker_pods == ()


def test_children_of_a_job_that_is_unknown_call_for_nothing():
    world = World()
    world.watcher.on_child("ADDED", b.pod(b.job()))
    world.watcher.on_child("ADDED", {"kind": "Pod", "metadata": {"namespace": "crawls", "name": "stray"}})
    assert queued(world) == 0
    seen("ADDED", b.job().body, world)
    assert len(world.cache.children(b.job(), secret_exists=True).worker_pods) == 1, "a list may show the pod first"


def test_kopf_watches_and_does_nothing_else():
    settings = build_settings()
    assert settings.scanning.disabled
    assert settings.peering.standalone
    assert not settings.posting.enabled
    assert (settings.watching.server_timeout, settings.watching.chunk_size) == (300, 500)
    assert len(settings.watching.label_selectors) == len(CHILDREN)
    assert set(settings.watching.label_selectors.values()) == {f"{names.MANAGED_BY_LABEL}={names.MANAGED_BY}"}


async def test_kopf_hands_its_events_on(world):
    registry = build_registry(world.watcher)
    handlers = {handler.id.rpartition(".")[2]: handler for handler in registry._watching.get_all_handlers()}
    assert not list(registry._changing.get_all_handlers()), "a changing handler would patch annotations"
    assert not list(registry._spawning.get_all_handlers())
    assert len(handlers) == 1 + len(CHILDREN)
    await handlers["job_event"].fn(event={"type": "ADDED", "object": b.job(name="other").body})
    assert world.cache.job(("crawls", "other"))
    pod = {key: value for key, value in b.pod(b.job()).items() if key != "kind"}
    resource = kopf.Resource(group="", version="v1", plural="pods")
    await handlers["pods_event"].fn(event={"type": None, "object": pod}, resource=resource)
    assert len(world.cache.children(b.job(), secret_exists=True).worker_pods) == 1


def test_logging_in_falls_back_to_the_kubeconfig(monkeypatch):
    calls = []
    monkeypatch.setattr(kopf, "login_with_service_account", lambda **_: calls.append("account"))
    monkeypatch.setattr(kopf, "login_with_kubeconfig", lambda **_: calls.append("kubeconfig"))
    registry = build_registry(World().watcher)
    (handler,) = registry._activities.get_all_handlers()
    assert handler.fn() is None
    assert calls == ["account", "kubeconfig"]
