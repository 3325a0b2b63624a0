"""Which requests does a worker get, in which order, and how do they end?"""

import pytest

from crawlfleet_frontier.store import calls
from crawlfleet_frontier.store.calls import PushRequest
from crawlfleet_frontier.store.replies import Moved
from tests.frontier.store_scene import KEYS, Scene, request, requests

HOST = "a.example"


def payloads(leased) -> list[bytes]:
    return [grant.payload for grant in leased.grants]


def expected(numbers, host=HOST) -> list[bytes]:
    return [request(n, host).payload for n in numbers]


@pytest.mark.parametrize("count", [5, 300], ids=["in the record", "in lists"])
def test_the_lower_band_comes_first_and_first_in_first_out(client, count):
    scene = Scene(client)
    scene.push([*requests(range(count), band=5), *requests(range(1000, 1003), band=1)])
    worker = scene.worker()
    assert payloads(worker.lease((HOST, 2))) == expected([1000, 1001])
    assert payloads(worker.lease((HOST, 4))) == expected([1002, 0, 1, 2])


@pytest.mark.parametrize("size", [1, 100])
def test_each_sixteenth_lease_of_a_host_is_from_its_last_band(client, size):
    scene = Scene(client)
    numbers = range(40)
    scene.push([request(n, HOST, 0, b"early".ljust(size, b".")) for n in numbers])
    scene.push([request(n, HOST, 7, b"late") for n in range(100, 104)])
    worker = scene.worker()
    bands = [grant.band for most in (10, 10, 20) for grant in worker.lease((HOST, most)).grants]
    assert [place for place, band in enumerate(bands, 1) if band == 7] == [16, 32]


@pytest.mark.parametrize("size", [10, 200], ids=["in the record", "in lists"])
def test_what_is_released_comes_first_again_in_its_order(client, size):
    scene = Scene(client)
    batch = [PushRequest(each.id, HOST, 3, each.payload.ljust(size, b" ")) for each in requests(range(8))]
    scene.push(batch)
    worker = scene.worker()
    tokens = [grant.token for grant in worker.lease((HOST, 5)).grants]
    assert worker.settle(done=[tokens[1]], release=[tokens[0], tokens[2], tokens[3]]).applied == 4
    assert payloads(worker.lease((HOST, 9))) == [batch[n].payload for n in (0, 2, 3, 5, 6, 7)]
    assert scene.tally()["hosts"] == 0


def test_long_queues_are_cut_into_segments_and_read_across_them(client):
    scene = Scene(client)
    for first in range(0, 21_000, 500):
        scene.push(
            [
                PushRequest(each.id, HOST, 3, b"%d" % n)
                for n, each in enumerate(requests(range(first, first + 500)), first)
            ]
        )
    assert {client.llen(key) for key in client.keys(f"{KEYS.prefix}q:*")} == {10_000, 1_000}
    worker = scene.worker()
    read: list[int] = []
    for _ in range(42):
        leased = worker.lease((HOST, 499))
        read += [int(payload) for payload in payloads(leased)]
        worker.settle(done=[grant.token for grant in leased.grants])
    assert read == list(range(42 * 499))


def test_a_full_first_segment_is_not_made_longer_by_what_comes_back(client):
    scene = Scene(client)
    for first in range(0, 10_500, 500):
        scene.push(requests(range(first, first + 500)))
    worker = scene.worker()
    tokens = [grant.token for grant in worker.lease((HOST, 10)).grants]
    scene.client.rpush(f"{KEYS.prefix}q:{HOST}:3:0", *["\0late"] * 10)
    worker.settle(release=tokens)
    assert {client.llen(key) for key in client.keys(f"{KEYS.prefix}q:*")} == {10_000, 500, 10}
    assert payloads(worker.lease((HOST, 11))) == expected(range(11))


def test_an_empty_host_is_named_with_a_serial_later_than_its_wake_up(client):
    scene = Scene(client)
    scene.push(requests(range(2)))
    worker = scene.worker()
    leased = worker.lease((HOST, 2), ("never.example", 3))
    assert [host for host, _ in leased.empty] == [HOST, "never.example"]
    assert leased.empty[0][1] > dict(leased.wakes)[HOST]
    scene.push(requests(range(2, 3)))
    assert dict(worker.lease().wakes)[HOST] > leased.empty[0][1]


def test_a_retry_waits_for_its_time_and_keeps_its_identity(client):
    scene = Scene(client)
    scene.push(requests(range(3)))
    worker = scene.worker()
    tokens = [grant.token for grant in worker.lease((HOST, 3)).grants]
    worker.settle(retry=[(tokens[0], 500, b""), (tokens[1], 1500, b"changed")])
    assert (scene.tally()["delayed"], scene.tally()["admitted"], scene.snapshot().due) == (2, 3, 0)
    scene.pass_wall(400)
    assert payloads(worker.lease((HOST, 3))) == []
    scene.pass_wall(200)
    assert scene.snapshot().due == 1
    assert payloads(worker.lease((HOST, 3))) == expected([0])
    scene.pass_wall(1000)
    assert payloads(worker.lease((HOST, 3))) == [b"changed"]
    assert scene.tally() == {
        "admitted": 3, "queued": 0, "delayed": 0, "leased": 3, "done": 0, "dead": 0, "suspects": 0, "hosts": 0,
    }  # fmt: skip


def test_a_promotion_wakes_its_host(client):
    scene = Scene(client)
    scene.push(requests(range(1)))
    worker = scene.worker()
    token = worker.lease((HOST, 1)).grants[0].token
    first = dict(worker.lease().wakes)[HOST]
    worker.settle(retry=[(token, 100, b"")])
    scene.pass_wall(200)
    assert dict(worker.lease().wakes)[HOST] > first


def test_words_for_leases_that_are_not_held_change_nothing(client):
    scene = Scene(client)
    scene.push(requests(range(4)))
    worker, other = scene.worker(), scene.worker("pod:2")
    tokens = [grant.token for grant in worker.lease((HOST, 2)).grants]
    settled = other.settle(done=tokens, dead=[("9.9", "Broken", ""), ("no token", "Broken", "")])
    assert (settled.applied, settled.stale) == (0, (*tokens, "9.9", "no token"))
    assert worker.settle(done=[tokens[0], tokens[0]], release=[tokens[0]]).applied == 1
    assert (scene.tally()["done"], scene.tally()["leased"]) == (1, 1)


def test_a_lease_that_brings_new_requests_ends_those_that_are_done(client):
    scene = Scene(client, stop_pages=5)
    scene.push(requests(range(9)))
    worker, other = scene.worker(), scene.worker("pod:2")
    first = [grant.token for grant in worker.lease((HOST, 3)).grants]
    leased = worker.lease((HOST, 9), done=[*first[:2], first[0], "7.7"])
    assert (payloads(leased), leased.stale, leased.room) == (expected([3, 4]), (first[0], "7.7"), 0)
    assert (scene.tally()["done"], scene.tally()["leased"], scene.tally()["queued"]) == (2, 3, 4)
    held = [first[2], *(grant.token for grant in leased.grants)]
    assert not worker.beat(held).mismatch
    assert other.lease(done=held).stale == tuple(held)
    assert scene.tally()["done"] == 2


def test_a_dead_letter_says_what_happened_and_can_be_replayed(client):
    scene = Scene(client)
    scene.push(requests(range(3)))
    worker = scene.worker()
    tokens = [grant.token for grant in worker.lease((HOST, 2)).grants]
    worker.settle(dead=[(tokens[0], "Timeout", "30 s without a byte")])
    [(stream_id, letter)] = client.xrange(KEYS.dead)
    assert letter == {
        b"reason": b"Timeout", b"error": b"30 s without a byte", b"host": HOST.encode(), b"band": b"3",
        b"losses": b"0", b"payload": request(0).payload,
    }  # fmt: skip
    assert scene.one(calls.replay(KEYS, [stream_id.decode(), stream_id.decode(), "1-1"])) == 1
    assert client.xlen(KEYS.dead) == 0
    assert payloads(worker.lease((HOST, 5))) == expected([2, 0])
    assert scene.tally()["dead"] == 0


def test_stop_pages_is_met_to_the_page(client):
    scene = Scene(client, stop_pages=5)
    scene.push(requests(range(20)))
    worker, other = scene.worker(), scene.worker("pod:2")
    first = worker.lease((HOST, 3))
    assert (len(first.grants), first.room) == (3, 2)
    second = other.lease((HOST, 9))
    assert (len(second.grants), second.room) == (2, 0)
    worker.settle(done=[grant.token for grant in first.grants[:2]], retry=[(first.grants[2].token, 0, b"")])
    assert len(worker.lease((HOST, 9)).grants) == 1
    assert other.lease((HOST, 9)).grants == ()


def test_a_blocked_hosts_queue_becomes_dead_letters_in_steps(client):
    scene = Scene(client)
    scene.push([*requests(range(400)), *requests(range(400, 402), "b.example")])
    scene.push(requests(range(402, 702)))
    assert scene.moved(calls.block(KEYS, HOST)) == Moved(500, 200)
    assert scene.moved(calls.block(KEYS, HOST)) == Moved(200, 0)
    assert (scene.tally()["dead"], scene.tally()["queued"], scene.tally()["hosts"]) == (700, 2, 1)
    assert {letter[b"reason"] for _, letter in client.xrange(KEYS.dead)} == {b"Blocked"}
