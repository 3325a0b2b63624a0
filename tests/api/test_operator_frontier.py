"""Crawls with engine Frontier from apply to their end, on a real API server and a real Redis, by simulated workers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from cluster.run import wait_until
from crawlfleet_frontier.pace import PaceKeys
from crawlfleet_frontier.store import StoreKeys
from tests.api.fleet import Exits, Runs
from tests.api.operator_scene import HELD, INLINE, Body, Scene, condition_of, in_order
from tests.api.simulated_worker import START_REQUESTS, Pace
from tests.servers.redis import RedisServer, redis_server

pytest_plugins = ["tests.api.operator_fixtures"]

SEEDS = len(INLINE["inline"]["urls"])
QUICK = {"default": {"delayMilliseconds": 0, "maxConcurrentRequests": 8}}
FRONTIER: Body = {"engine": "Frontier", "politeness": QUICK}
FIXED: Body = {"scaling": {"type": "Fixed"}}
KILLED = Exits(137, "container exited with 137", gives_back=False)
FAILING = Runs(Pace(fails=True))


@pytest.fixture(scope="module")
def emptied_redis() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


@pytest.fixture(scope="module")
def crawls(scene: Scene, emptied_redis: RedisServer) -> Iterator[dict[str, Body]]:
    """All of the module's jobs, created at once: their waits for the end overlap."""
    scene.put_secret("emptied", emptied_redis.url)
    for held in ("paused", "deleted", "emptied", "followed", "killed"):
        scene.behave(held, HELD)
    scene.behave("replayed", FAILING)
    scene.behave("spider", Runs(Pace(start_is_through=False)))
    at_rest = {"type": "RedisKey", "redisKey": {"key": "frontier:start_urls"}}
    yield {
        "inline": scene.create("inline", **FRONTIER),
        "spider": scene.create("spider", **FRONTIER, seeds={"type": "Spider"}),
        "key": scene.create("key", **FRONTIER, seeds=at_rest),
        "bounded": scene.create("bounded", **FRONTIER, stopAfter={"pages": 5}),
        "bloomed": scene.create("bloomed", **FRONTIER, dedupe={"type": "Bloom", "bloom": {"capacity": 10000}}),
        "paused": scene.create("paused", **FRONTIER, **FIXED),
        "deleted": scene.create("deleted", **FRONTIER, **FIXED),
        "emptied": scene.create("emptied", secret="emptied", **FRONTIER, **FIXED),
        "followed": scene.create("followed", **FRONTIER, **FIXED),
        "killed": scene.create("killed", **FRONTIER, **FIXED),
        "replayed": scene.create("replayed", **FRONTIER, **FIXED, completion={"idleSeconds": 15}),
    }
    scene.clear()  # while there are Redises to take the keys from: a deletion waits for that


def store(crawls: dict[str, Body], name: str) -> StoreKeys:
    return StoreKeys(crawls[name]["metadata"]["uid"])


def pace(crawls: dict[str, Body], name: str) -> PaceKeys:
    return PaceKeys(crawls[name]["metadata"]["uid"])


def tally(scene: Scene, keys: StoreKeys) -> dict[str, int]:
    return {name: int(value) for name, value in scene.redis.hgetall(f"{keys.prefix}tally").items()}


@contextmanager
def taking(scene: Scene, name: str) -> Iterator[None]:
    """Have the workers take requests, and hold what they have of them at the end of the block."""
    scene.behave(name, Runs(Pace(requests=1)))
    yield
    scene.behave_now(name, HELD)


def ends_complete(scene: Scene, name: str, reason: str = "CrawlFinished", seconds: float = 40) -> dict[str, Any]:
    scene.until_condition(name, "Complete", "True", reason, seconds)
    frontier: dict[str, Any] = scene.status(name)["frontier"]
    return frontier


def test_redis_key_seeds_are_awaited_without_a_worker(scene: Scene, crawls: dict[str, Body]) -> None:
    scene.until_condition("key", "Progressing", "True", "Idle")
    assert scene.replicas("key") == 0
    scene.redis.rpush("frontier:start_urls", "http://a.example/key")


def test_one_worker_runs_the_spiders_start(scene: Scene, crawls: dict[str, Body]) -> None:
    scene.until_condition("spider", "Progressing", "True", "Seeding")
    scene.until_condition("spider", "ScalingLimited", "True", "FirstWorker")
    assert scene.redis.hget(store(crawls, "spider").meta, "seed_state") == "seeding"
    scene.behave("spider", Runs())


def test_a_change_of_politeness_reaches_the_store_without_a_restart(scene: Scene, crawls: dict[str, Body]) -> None:
    scene.until_ready("followed", 1)
    pods = {pod["metadata"]["uid"] for pod in scene.pods("followed")}
    before = scene.redis.hgetall(pace(crawls, "followed").meta)
    assert before["delay"] == "0"
    ads = {"host": "ads.example", "action": "Block", "delayMilliseconds": None}
    default = {"delayMilliseconds": 250, "maxConcurrentRequests": 2, "robots": "Ignore"}
    scene.jobs.patch("followed", {"spec": {"politeness": {"default": default, "overrides": [ads]}}})
    wait_until(
        lambda: scene.redis.hget(pace(crawls, "followed").meta, "version") != before["version"], "another policy", 10
    )
    after = scene.redis.hgetall(pace(crawls, "followed").meta)
    assert (after["delay"], after["open"], after["overrides"]) == ("250", "2", "1")
    assert '"default": "Ignore"' in (scene.redis.get(f"{pace(crawls, 'followed').prefix}robots_policy") or "")
    scene.jobs.patch("followed", {"spec": {"retries": {"maxWorkerLosses": 7}, "maxRequestsPerHost": 99}})
    meta = store(crawls, "followed").meta
    wait_until(lambda: scene.redis.hmget(meta, "max_losses", "host_cap") == ["7", "99"], "the limits", 10)
    assert {pod["metadata"]["uid"] for pod in scene.pods("followed")} == pods
    scene.jobs.patch("followed", {"spec": {"politeness": QUICK}})
    scene.behave("followed", Runs())


def test_suspend_gives_everything_back(scene: Scene, crawls: dict[str, Body]) -> None:
    scene.until_ready("paused", 1)
    keys = store(crawls, "paused")
    with taking(scene, "paused"):
        wait_until(lambda: tally(scene, keys).get("leased", 0) > 0, "leases", 10)
    scene.jobs.patch("paused", {"spec": {"suspend": True}})
    scene.until("paused", lambda now: now.get("phase") == "Suspended", "phase Suspended")
    wait_until(lambda: tally(scene, keys)["leased"] == 0, "no lease left", 15)
    left = tally(scene, keys)
    assert left.get("queued", 0) + left.get("done", 0) == left["admitted"] == SEEDS
    assert not scene.redis.hget(f"{keys.prefix}counters", "losses"), "a stop is no fault of the requests"
    scene.behave("paused", Runs())
    scene.jobs.patch("paused", {"spec": {"suspend": False}})


def test_a_killed_workers_requests_are_out_again(scene: Scene, crawls: dict[str, Body]) -> None:
    scene.until_ready("killed", 1)
    keys = store(crawls, "killed")
    with taking(scene, "killed"):
        wait_until(lambda: tally(scene, keys).get("leased", 0) > 0, "leases", 10)
    scene.behave("killed", KILLED)
    wait_until(lambda: tally(scene, keys)["leased"] == 0, "the leases of a dead worker to be free", 15)
    assert tally(scene, keys)["queued"] > 0
    assert int(scene.redis.hget(f"{keys.prefix}counters", "losses") or 0) > 0
    held = pace(crawls, "killed").meta
    wait_until(lambda: int(scene.redis.hget(held, "held") or 0) == 0, "and the slots of its hosts", 15)
    scene.behave("killed", Runs())


def test_dead_letters_are_replayed_once(scene: Scene, crawls: dict[str, Body]) -> None:
    keys = store(crawls, "replayed")
    wait_until(lambda: tally(scene, keys).get("dead", 0) == SEEDS, "everything to fail", 20)
    scene.jobs.patch("replayed", {"spec": {"replay": {"token": "1", "reasons": ["Other"]}}})
    scene.until("replayed", lambda now: now.get("replay", {}).get("completed") is True, "a replay of nothing")
    assert tally(scene, keys)["dead"] == SEEDS
    scene.behave("replayed", Runs())
    scene.jobs.patch("replayed", {"spec": {"replay": {"token": "2", "reasons": ["Timeout"]}}})
    told = scene.until(
        "replayed",
        lambda now: (now.get("replay", {}).get("token"), now.get("replay", {}).get("completed")) == ("2", True),
        "the replay to be through",
    )
    assert told["replay"]["through"].isdigit()
    wait_until(lambda: tally(scene, keys)["done"] == SEEDS, "everything to be done", 20)


def test_an_emptied_redis_is_told_and_never_an_end(
    scene: Scene, crawls: dict[str, Body], emptied_redis: RedisServer
) -> None:
    scene.until_ready("emptied", 1)
    scene.until_condition("emptied", "FrontierIntact", "True", "SentinelPresent")
    emptied_redis.client().flushall()
    scene.until_condition("emptied", "FrontierIntact", "False", "SentinelMissing")
    assert scene.status("emptied")["phase"] == "Blocked"


@pytest.mark.parametrize(
    ("name", "done"),
    [("inline", SEEDS), ("spider", START_REQUESTS), ("key", 1), ("bloomed", SEEDS), ("followed", SEEDS)],
)
def test_a_crawl_ends_complete(scene: Scene, crawls: dict[str, Body], name: str, done: int) -> None:
    frontier = ends_complete(scene, name)
    numbers = {each: frontier[each] for each in ("queued", "inFlight", "delayed", "dead", "done", "losses", "leftOut")}
    assert numbers == {"queued": 0, "inFlight": 0, "delayed": 0, "dead": 0, "done": done, "losses": 0, "leftOut": 0}
    assert scene.redis.hget(store(crawls, name).meta, "state") == "closed"
    scene.until_replicas(name, 0)


def test_the_seeding_shows_on_the_way(scene: Scene, crawls: dict[str, Body]) -> None:
    ends_complete(scene, "spider")
    reasons = in_order([condition_of(status, "Progressing")[1] for status in scene.history(crawls["spider"])])
    assert [reason for reason in reasons if reason != "Crawling"] == ["Starting", "Seeding", "Idle", "Finished"]


@pytest.mark.parametrize("name", ["paused", "killed"])
def test_nothing_was_lost_on_the_way(scene: Scene, crawls: dict[str, Body], name: str) -> None:
    frontier = ends_complete(scene, name)
    assert (frontier["done"], frontier["dead"]) == (SEEDS, 0)


def test_a_replayed_crawl_ends_complete(scene: Scene, crawls: dict[str, Body]) -> None:
    frontier = ends_complete(scene, "replayed", seconds=50)
    assert (frontier["done"], frontier["dead"]) == (SEEDS, 0)


def test_as_many_pages_as_were_asked_for(scene: Scene, crawls: dict[str, Body]) -> None:
    frontier = ends_complete(scene, "bounded", "PageLimitReached")
    assert (frontier["done"], frontier["queued"], frontier["inFlight"]) == (5, SEEDS - 5, 0)
    assert "stopAfter.pages" in scene.condition("bounded", "Complete")[2]
    scene.until_replicas("bounded", 0)


def test_a_deleted_job_leaves_no_key_behind(scene: Scene, crawls: dict[str, Body]) -> None:
    uid = crawls["deleted"]["metadata"]["uid"]
    assert [key for key in scene.redis.scan_iter() if uid in key]
    scene.jobs.delete("deleted")
    wait_until(lambda: "deleted" not in scene.jobs.names(), "the job to be gone", timeout=15)
    assert [key for key in scene.redis.scan_iter() if uid in key] == []
    assert [key for key in scene.redis.scan_iter() if crawls["inline"]["metadata"]["uid"] in key]


def test_an_emptied_redis_is_no_end_later_either(scene: Scene, crawls: dict[str, Body]) -> None:
    """By now its zeros have been there for longer than a crawl at rest needs to be called complete."""
    assert scene.condition("emptied", "FrontierIntact")[:2] == ("False", "SentinelMissing")
    assert scene.condition("emptied", "Complete") == ("", "", "")


def test_the_metrics_of_a_frontier(scene: Scene, crawls: dict[str, Body]) -> None:
    metrics = scene.operator.metrics()
    labels = f'{{crawljob="killed",namespace="{scene.namespace}"}}'
    assert metrics[f"crawlfleet_crawljob_worker_losses_total{labels}"] > 0
    assert metrics[f"crawlfleet_crawljob_dead_requests{labels}"] == 0
    assert 0 < metrics[f'crawlfleet_crawljob_bloom_fill_ratio{{crawljob="bloomed",namespace="{scene.namespace}"}}'] < 1
