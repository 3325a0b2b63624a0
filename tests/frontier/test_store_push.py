"""Is every request admitted once, whoever pushes it and however often?"""

import pytest
import redis

from crawlfleet_frontier import errors
from crawlfleet_frontier.store import calls
from crawlfleet_frontier.store.calls import PushRequest
from tests.frontier.store_scene import KEYS, Scene, dump, request, requests


def test_a_request_is_admitted_once(client):
    scene = Scene(client)
    worker = scene.worker()
    assert worker.push([*requests(range(5)), *requests(range(3, 7))]).indices == (0, 1, 2, 3, 4, 7, 8)
    again = worker.push(requests(range(8)))
    assert (again.admitted, again.known, again.left_out, again.indices) == (1, 7, 0, (7,))
    assert scene.snapshot().counters["known"] == 9
    assert (scene.tally()["admitted"], scene.tally()["queued"], scene.snapshot().number("seen")) == (8, 8, 8)


def test_a_push_without_a_number_needs_no_worker(client):
    scene = Scene(client)
    assert scene.push(requests(range(3))).admitted == 3
    assert scene.push(requests(range(3))).known == 3


def test_a_late_push_of_a_fenced_worker_is_accepted_without_its_number(client):
    scene = Scene(client)
    worker = scene.worker()
    scene.reap(worker.epoch)
    with pytest.raises(errors.Fenced):
        worker.push(requests(range(3)))
    assert scene.push(requests(range(3))).admitted == 3


def test_ids_at_the_ends_of_64_bits_stay_in_arrays_of_integers(client):
    scene = Scene(client)
    ids = [str(2**63 - 1), str(-(2**63)), "0", "1", "-1", "123456789012345678"]
    batch = [PushRequest(each, "a.example", 0, b"x") for each in ids]
    assert scene.push(batch).admitted == 6
    assert scene.push(batch).known == 6
    assert client.object("encoding", f"{KEYS.prefix}s:0") == b"intset"


@pytest.mark.parametrize("bad", [str(2**63), str(-(2**63) - 1), "007", "-0", "1.0", "", "x", "+1", " 1", "1" * 30])
def test_what_is_no_signed_64_bit_number_is_no_id(client, bad):
    scene = Scene(client)
    before = dump(client)
    with pytest.raises(errors.BadInput, match="request 1 has an id"):
        scene.push([request(1), PushRequest(bad, "a.example", 0, b"x")])
    assert dump(client) == before


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("host", PushRequest("1", "x" * 256, 0, b"")),
        ("band", PushRequest("1", "a", 8, b"")),
        ("band", PushRequest("1", "a", -1, b"")),
    ],
)
def test_a_refusal_names_the_request_and_the_field(client, field, bad):
    with pytest.raises(errors.BadInput, match=f"request 0 has a {field}"):
        Scene(client).push([bad])


def test_the_seen_set_keeps_to_small_arrays_of_integers_as_it_grows(client):
    scene = Scene(client)
    for first in range(0, 20_000, 500):
        scene.push([PushRequest(each.id, "a", 0, b"") for each in requests(range(first, first + 500))])
    keys = client.keys(f"{KEYS.prefix}s:*")
    sizes = [client.scard(key) for key in keys]
    assert {client.object("encoding", key) for key in keys} == {b"intset"}
    assert (sum(sizes), max(sizes) <= 512, len(keys)) == (20_000, True, 106)
    assert scene.push(requests(range(0, 20_000, 50))).known == 400


def test_hosts_stay_findable_as_their_table_grows(client):
    scene = Scene(client)
    for first in range(0, 2000, 500):
        scene.push([request(n, f"h{n}.example") for n in range(first, first + 500)])
    keys = client.keys(f"{KEYS.prefix}h:*")
    assert {client.object("encoding", key) for key in keys} == {b"listpack"}
    assert (len(keys), sum(client.hlen(key) for key in keys)) == (125, 2000)
    worker = scene.worker()
    for first in range(0, 2000, 200):
        grants = worker.lease(*((f"h{n}.example", 1) for n in range(first, first + 200))).grants
        assert [grant.payload for grant in grants] == [
            request(n, f"h{n}.example").payload for n in range(first, first + 200)
        ]
    assert (scene.tally()["hosts"], client.keys(f"{KEYS.prefix}h:*")) == (0, [])


def test_a_host_gets_no_more_than_its_cap_and_the_rest_is_asked_about_again(client):
    scene = Scene(client, host_cap=3)
    pushed = scene.push([*requests(range(5)), *requests(range(5, 7), "b.example")])
    assert (pushed.admitted, pushed.left_out, pushed.indices) == (5, 2, (0, 1, 2, 5, 6))
    assert scene.snapshot().counters["left_out:host_cap"] == 2
    assert scene.one(calls.configure(KEYS, host_cap=4, stop_pages=0, max_losses=3)) == 1
    assert scene.push(requests(range(5))).indices == (3,)
    assert scene.one(calls.configure(KEYS, host_cap=4, stop_pages=0, max_losses=3)) == 0


def listed(host: str, numbers: range) -> list[PushRequest]:
    """Requests that are too long to stand in their host's record together."""
    return [request(n, host, payload=b"%d".ljust(100, b".") % n) for n in numbers]


@pytest.mark.parametrize("foreign", range(3))
def test_a_list_that_is_none_leaves_the_others_as_they_were(client, foreign):
    scene = Scene(client)
    hosts = [f"h{n}.example" for n in range(3)]
    for place, host in enumerate(hosts):
        scene.push(listed(host, range(100 * place, 100 * place + 20)))
    [key] = client.keys(f"{KEYS.prefix}q:{hosts[foreign]}:*")
    client.set(key, "foreign")
    before = dump(client)
    batch = [
        each for place, host in enumerate(hosts) for each in listed(host, range(100 * place + 50, 100 * place + 90))
    ]
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        scene.push(batch)
    assert dump(client) == before
    client.delete(key)
    client.rpush(key, *["\0x"] * 20)
    assert scene.push(batch).admitted == 120
    assert scene.tally()["queued"] == 180


def test_a_bloom_filter_admits_once_and_keeps_to_its_error_rate(client):
    scene = Scene(client, bloom_bits=60_000, bloom_hashes=7)
    first = sum(scene.push(requests(range(n, n + 500))).admitted for n in range(0, 5000, 500))
    assert 4950 <= first <= 5000
    assert sum(scene.push(requests(range(n, n + 500))).admitted for n in range(0, 5000, 500)) == 0
    ones = sum(client.bitcount(key) for key in client.keys(f"{KEYS.prefix}b:*"))
    assert scene.snapshot().number("bits") == ones > 0
    assert scene.snapshot().number("seen") == first


def test_a_large_bloom_filter_lies_in_several_strings(client):
    scene = Scene(client, bloom_bits=10_000_000, bloom_hashes=7)
    scene.push(requests(range(500)))
    sizes = [client.strlen(key) for key in client.keys(f"{KEYS.prefix}b:*")]
    assert len(sizes) == 3
    assert max(sizes) <= 2**22 // 8


def test_seeds_leave_their_list_only_while_they_are_its_head(client):
    scene = Scene(client)
    client.rpush(KEYS.seeds, "one", "two", "three")
    worker = scene.worker()
    assert worker.push(requests(range(2)), drained_key=KEYS.seeds, drained=["one", "two"]).admitted == 2
    assert client.lrange(KEYS.seeds, 0, -1) == [b"three"]
    assert worker.push(requests(range(2)), drained_key=KEYS.seeds, drained=["one", "two"]).known == 2
    assert client.lrange(KEYS.seeds, 0, -1) == [b"three"]


def test_a_users_own_key_may_be_a_set_or_a_sorted_set(client):
    scene = Scene(client)
    client.sadd("books:start_urls", "one", "two")
    client.zadd("books:more", {"one": 1, "two": 2})
    scene.push([], drained_key="books:start_urls", drained=["one", "never there"])
    scene.push([], drained_key="books:more", drained=["two"])
    assert client.smembers("books:start_urls") == {b"two"}
    assert client.zrange("books:more", 0, -1) == [b"one"]
    client.set("books:text", "x")
    with pytest.raises(errors.BadInput, match="use a LIST, SET or ZSET"):
        scene.push([], drained_key="books:text", drained=["x"])
