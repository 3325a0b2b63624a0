"""A crawl with an external Redis from apply to Complete: by each kind of seeds, suspended and resumed, gone by TTL."""

import pytest

from cluster.run import wait_until
from tests.api.fleet import Runs
from tests.api.operator_scene import HELD, INLINE, Body, Scene, condition_of, in_order
from tests.api.simulated_worker import START_REQUESTS, Pace

pytest_plugins = ["tests.api.operator_fixtures"]

SEEDS = len(INLINE["inline"]["urls"])


@pytest.fixture(scope="module")
def crawls(scene: Scene) -> dict[str, Body]:
    """All of the module's jobs, created at once: their waits for the end overlap."""
    for held in ("paused", "deleted"):
        scene.behave(held, HELD)
    scene.behave("spider", Runs(Pace(start_is_through=False)))
    at_rest = {"type": "RedisKey", "redisKey": {"key": "books:start_urls"}}
    return {
        "spider": scene.create("spider", seeds={"type": "Spider"}),
        "paused": scene.create("paused"),
        "deleted": scene.create("deleted", workers={"replicas": 2}, scaling={"type": "Fixed"}),
        "inline": scene.create("inline"),
        "key": scene.create("key", seeds=at_rest),
        "brief": scene.create("brief", ttlSecondsAfterFinished=1),
        "foreign": scene.create("foreign", operator_class="another"),
        "unborn": scene.create("unborn", suspend=True),
    }


def progress(history: list[Body]) -> list[str]:
    return in_order([condition_of(status, "Progressing")[1] for status in history])


def test_redis_key_seeds_are_awaited_without_a_worker(scene: Scene, crawls: dict[str, Body]) -> None:
    scene.until_condition("key", "Progressing", "True", "Idle")
    assert scene.replicas("key") == 0
    scene.redis.rpush("books:start_urls", "http://a.example/")


def test_one_worker_runs_the_spiders_start(scene: Scene, crawls: dict[str, Body]) -> None:
    scene.until_condition("spider", "Progressing", "True", "Seeding")
    scene.until_condition("spider", "ScalingLimited", "True", "FirstWorker")
    assert scene.status("spider")["workers"]["desired"] == 1
    scene.behave("spider", Runs())


def test_suspend_keeps_the_queue(scene: Scene, crawls: dict[str, Body]) -> None:
    scene.until_ready("paused", 1)
    scene.jobs.patch("paused", {"spec": {"suspend": True}})
    status = scene.until("paused", lambda now: now.get("phase") == "Suspended", "phase Suspended")
    assert condition_of(status, "Progressing")[:2] == ("False", "Suspended")
    scene.until_replicas("paused", 0)
    assert scene.redis.llen(scene.keys("paused").start_urls) == SEEDS
    scene.behave("paused", Runs())
    scene.jobs.patch("paused", {"spec": {"suspend": False}})
    scene.until_condition("paused", "Suspended", "False", "Running")


def test_the_same_name_starts_anew(scene: Scene, crawls: dict[str, Body]) -> None:
    scene.until_ready("deleted", 2)
    old = scene.keys("deleted")
    assert scene.redis.exists(*old.all()) >= 3
    scene.jobs.delete("deleted")
    wait_until(lambda: "deleted" not in scene.jobs.names(), "the job to be gone", timeout=10)
    assert scene.redis.exists(*old.all()) == 0
    scene.create("deleted", seeds={"type": "RedisKey", "redisKey": {"key": "deleted:start_urls"}})
    status = scene.until("deleted", lambda now: "frontier" in now, "numbers in the status")
    assert not any(number for name, number in status["frontier"].items() if name != "observedTime")
    assert scene.keys("deleted") != old
    wait_until(lambda: scene.pods("deleted") == [], "no pods of the old job", timeout=10)
    scene.until_replicas("deleted", 0)


@pytest.mark.parametrize("name", ["inline", "spider", "key", "paused"])
def test_a_crawl_ends_complete(scene: Scene, crawls: dict[str, Body], name: str) -> None:
    scene.until_condition(name, "Complete", "True", "CrawlFinished", 30)
    status = scene.status(name)
    admitted = {"spider": START_REQUESTS, "key": 1}.get(name, SEEDS)
    frontier = {each: number for each, number in status["frontier"].items() if each != "observedTime"}
    assert frontier == {
        "queued": 0,
        "inFlight": 0,
        "done": admitted,
        "seen": 0,
        "pages": admitted,
        "errors": 0,
        "items": admitted,
    }
    assert status["phase"] == "Complete"
    assert status["completionTime"] >= status["startTime"]
    scene.until_replicas(name, 0)


def without_crawling(reasons: list[str]) -> list[str]:
    """The crawls are so short that they may begin and end between two looks of the operator."""
    return [reason for reason in reasons if reason != "Crawling"]


def test_the_conditions_on_the_way(scene: Scene, crawls: dict[str, Body]) -> None:
    scene.until_condition("inline", "Complete", "True", "CrawlFinished", 30)
    history = scene.history(crawls["inline"])
    assert without_crawling(progress(history)) == ["Starting", "Idle", "Finished"]
    assert in_order([status.get("phase") for status in history]) == ["Pending", "Running", "Complete"]
    assert condition_of(history[-1], "FrontierObservable")[:2] == ("True", "Reachable")
    assert condition_of(history[-1], "FrontierIntact")[:2] == ("True", "SentinelPresent")
    assert {status.get("observedGeneration") for status in history if status} == {1}


def test_the_seeding_shows_on_the_way(scene: Scene, crawls: dict[str, Body]) -> None:
    scene.until_condition("spider", "Complete", "True", "CrawlFinished", 30)
    history = scene.history(crawls["spider"])
    assert without_crawling(progress(history)) == ["Starting", "Seeding", "Idle", "Finished"]


def test_no_worker_is_started_for_a_redis_key_at_rest(scene: Scene, crawls: dict[str, Body]) -> None:
    scene.until_condition("key", "Complete", "True", "CrawlFinished", 30)
    history = scene.history(crawls["key"])
    before = [status for status in history if condition_of(status, "Progressing")[1] == "Idle"]
    assert before[0]["workers"]["desired"] == 0


def test_a_finished_job_goes_after_its_time(scene: Scene, crawls: dict[str, Body]) -> None:
    uid = crawls["brief"]["metadata"]["uid"]
    wait_until(lambda: "brief" not in scene.jobs.names(), "the job to be deleted", timeout=30)
    assert [key for key in scene.redis.keys("crawlfleet:*") if uid in key] == []
    last = scene.history(crawls["brief"])[-1]
    assert last["phase"] == "Complete"
    wait_until(lambda: scene.child("deployment", "brief-worker") is None, "its Deployment to be gone", timeout=15)


def test_a_job_of_another_operator_is_left_alone(scene: Scene, crawls: dict[str, Body]) -> None:
    scene.until_condition("inline", "Complete", "True", "CrawlFinished", 30)
    assert scene.jobs.get("foreign") == crawls["foreign"]
    assert scene.child("deployment", "foreign-worker") is None


def test_a_job_born_suspended_has_no_children(scene: Scene, crawls: dict[str, Body]) -> None:
    status = scene.until("unborn", lambda now: now.get("phase") == "Suspended", "phase Suspended")
    assert "startTime" not in status
    assert scene.child("deployment", "unborn-worker") is None
    assert scene.redis.exists(*scene.keys("unborn").all()) == 0
