"""How does a job begin and end in the store: sentinel, seeds, closing, and the outbox towards the pace store?"""

import pytest

from crawlfleet_frontier import errors
from crawlfleet_frontier.store import calls, replies
from tests.frontier.store_scene import KEYS, Scene, dump, request, requests, send

HOST = "a.example"


def seed(scene: Scene, epoch: str, word: str) -> str:
    return replies.read_seed(send(scene.client, calls.seed(KEYS, epoch, word)))


def test_the_sentinel_is_put_down_once(client):
    scene = Scene(client, seed_state="seeded", stop_pages=7)
    before = dump(client)
    assert scene.one(calls.create(KEYS, seed_state="unseeded")) == 0
    assert dump(client) == before
    meta = scene.snapshot().meta
    assert (meta["uid"], meta["layout"], meta["seed_state"], meta["stop_pages"]) == (
        KEYS.uid,
        "frontier/1",
        "seeded",
        "7",
    )


def test_an_emptied_redis_answers_that_there_is_no_sentinel(client):
    scene = Scene(client)
    worker = scene.worker()
    client.flushall()
    for word in (scene.snapshot, worker.beat, lambda: worker.push(requests(range(2))), lambda: scene.push([])):
        with pytest.raises(errors.NoSentinel):
            word()
    assert client.keys("*") == []


def test_one_worker_seeds_and_the_others_wait(client):
    scene = Scene(client)
    scene.worker("pod:1")
    scene.worker("pod:2")
    assert seed(scene, "pod:1", "claim") == "run"
    assert seed(scene, "pod:1", "claim") == "run"
    assert seed(scene, "pod:2", "claim") == "wait"
    assert seed(scene, "pod:2", "done") == "wait"
    assert seed(scene, "pod:1", "done") == "seeded"
    assert seed(scene, "pod:2", "claim") == "seeded"


def test_the_claim_of_a_worker_that_ended_or_gave_it_back_is_free(client):
    scene = Scene(client)
    scene.worker("pod:1")
    scene.worker("pod:2")
    seed(scene, "pod:1", "claim")
    assert seed(scene, "pod:1", "abandon") == "wait"
    assert seed(scene, "pod:2", "claim") == "run"
    scene.reap("pod:2")
    assert seed(scene, "pod:1", "claim") == "run"
    with pytest.raises(errors.Fenced):
        seed(scene, "pod:2", "done")


def finished(client, **options) -> Scene:
    scene = Scene(client, seed_state="seeded", **options)
    scene.push(requests(range(2)))
    worker = scene.worker()
    worker.settle(done=[grant.token for grant in worker.lease((HOST, 2)).grants])
    return scene


def test_a_job_at_its_end_is_closed_against_pushes_and_reopened(client):
    scene = finished(client)
    assert scene.one(calls.close(KEYS, 1)) == 0
    assert scene.one(calls.close(KEYS, 2)) == 1
    assert scene.one(calls.close(KEYS, 2)) == 1
    with pytest.raises(errors.Closed):
        scene.push(requests(range(9)))
    assert scene.one(calls.reopen(KEYS)) == 1
    assert scene.one(calls.reopen(KEYS)) == 0
    assert scene.push(requests(range(9))).admitted == 7


@pytest.mark.parametrize("rest", ["queued", "leased", "delayed", "suspect", "unseeded", "seeds", "own key"])
def test_a_job_that_has_anything_left_is_not_closed(client, rest):
    scene = finished(client)
    admitted, start_urls_key = 2, ""
    if rest in {"queued", "leased", "delayed", "suspect"}:
        scene.push(requests(range(2, 3)))
        admitted = 3
    if rest in {"leased", "delayed", "suspect"}:
        worker = scene.worker("pod:2")
        [grant] = worker.lease((HOST, 1)).grants
        if rest == "delayed":
            worker.settle(retry=[(grant.token, 0, b"")])
        if rest == "suspect":
            worker.settle(expired=[grant.token])
    if rest == "unseeded":
        client.hset(KEYS.meta, "seed_state", "seeding")
    if rest == "seeds":
        client.rpush(KEYS.seeds, "seed")
    if rest == "own key":
        start_urls_key = "books:start_urls"
        client.sadd(start_urls_key, "seed")
    assert scene.one(calls.close(KEYS, admitted, start_urls_key)) == 0
    assert scene.snapshot().meta["state"] == "open"


def test_a_letter_is_not_replayed_into_a_closed_job(client):
    scene = finished(client)
    worker = scene.worker("pod:2")
    scene.push(requests(range(2, 3)))
    worker.settle(dead=[(worker.lease((HOST, 1)).grants[0].token, "Broken", "")])
    assert scene.one(calls.close(KEYS, 3)) == 1
    [(stream_id, _)] = client.xrange(KEYS.dead)
    with pytest.raises(errors.Closed):
        scene.one(calls.replay(KEYS, [stream_id.decode()]))


def test_a_wake_up_is_struck_out_only_with_its_own_serial(client):
    scene = Scene(client)
    scene.push(requests(range(1)))
    worker = scene.worker()
    [(host, serial)] = worker.lease().wakes
    worker.lease((HOST, 1))
    scene.push(requests(range(1, 2)))
    assert scene.one(calls.woken(KEYS, [(host, serial)])) == 0
    [(_, later)] = worker.lease().wakes
    assert later > serial
    assert scene.one(calls.woken(KEYS, [(host, later), ("never.example", 1)])) == 1
    assert scene.snapshot().wakes == 0


def test_a_host_that_has_work_already_is_not_woken_again(client):
    scene = Scene(client)
    scene.push(requests(range(1)))
    worker = scene.worker()
    scene.one(calls.woken(KEYS, worker.lease().wakes))
    scene.push(requests(range(1, 300)))
    assert worker.lease((HOST, 5)).wakes == ()


def test_serials_go_on_where_time_steps_back(client):
    scene = Scene(client)
    ahead = 2**51
    client.hset(KEYS.meta, "serial", ahead)
    scene.push([request(1, "a.example"), request(2, "b.example")])
    assert sorted(serial for _, serial in scene.worker().lease().wakes) == [ahead + 1, ahead + 2]


def test_a_new_pace_store_is_told_all_hosts_step_by_step(client):
    scene = Scene(client)
    for first in (0, 500, 1000):
        scene.push([request(n, f"h{n}.example") for n in range(first, first + 500)])
    client.delete(f"{KEYS.prefix}wake")
    cursor, steps = scene.one(calls.rewake(KEYS, "pace-2")), 1
    while cursor:
        assert scene.snapshot().meta["pace_id"] == ""
        cursor, steps = scene.one(calls.rewake(KEYS, "pace-2", cursor)), steps + 1
    assert (scene.snapshot().meta["pace_id"], scene.snapshot().wakes, steps) == ("pace-2", 1500, 4)
    assert scene.worker().join().pace_id == "pace-2"


@pytest.mark.parametrize(("kind", "length"), [("list", 2), ("set", 2), ("zset", 2), ("none", 0), ("string", -1)])
def test_the_snapshot_counts_seeds_in_a_key_of_any_sensible_type(client, kind, length):
    scene = Scene(client)
    key = "books:start_urls"
    fill = {
        "list": lambda: client.rpush(key, "one", "two"),
        "set": lambda: client.sadd(key, "one", "two"),
        "zset": lambda: client.zadd(key, {"one": 1, "two": 2}),
        "string": lambda: client.set(key, "one"),
    }
    fill.get(kind, lambda: None)()
    assert scene.snapshot(key).seeds == length
