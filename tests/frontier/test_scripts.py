"""Do the Lua scripts keep their word on a real Redis: once, whole, or not at all?"""

from collections.abc import Iterator

import pytest
import redis

from crawlfleet_frontier import JobKeys, Snapshot, commands
from crawlfleet_frontier.keys import LAYOUT
from crawlfleet_frontier.snapshot import read_snapshot
from tests.servers.redis import RedisServer, redis_server

KEYS = JobKeys("0f4c-test")
OTHER = JobKeys("other")


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with redis_server() as running:
        yield running


@pytest.fixture
def client(server: RedisServer) -> Iterator[redis.Redis]:
    with server.client() as connected:
        connected.flushall()
        yield connected


def run(client: redis.Redis, call: commands.Call):
    return client.eval(*call.arguments())


def look(client: redis.Redis, start_urls_key: str | None = None) -> Snapshot:
    return read_snapshot(run(client, commands.snapshot(KEYS, start_urls_key)))


def beat(client: redis.Redis, sequence: int, increments: dict[str, int], *, seeded: bool = False, in_flight: int = 0):
    state = {"in_flight": in_flight, "phase": "running"}
    return run(client, commands.beat(KEYS, "pod:1", sequence, state, increments, seeded=seeded))


def dump(client: redis.Redis) -> dict[str, bytes]:
    """Everything in the keyspace, as Redis would serialise it."""
    return {key: client.execute_command("DUMP", key, NEVER_DECODE=True) for key in client.keys("*")}


def test_prepare_puts_sentinel_and_seeds_down_once(client):
    urls = [f"https://a.example/{n}?ü" for n in range(1200)]
    assert run(client, commands.prepare(KEYS, "seeded", urls)) == 1
    before = dump(client)
    assert run(client, commands.prepare(KEYS, "unseeded", ["https://b.example/"])) == 0
    assert dump(client) == before
    snapshot = look(client)
    assert (snapshot.start_urls, snapshot.seeded, snapshot.started) == (1200, True, False)
    assert snapshot.sentinel["layout"] == LAYOUT
    assert client.lindex(KEYS.start_urls, 1199) == '{"url": "https://a.example/1199?ü"}'


def test_a_beat_is_applied_once_however_often_it_comes(client):
    run(client, commands.prepare(KEYS, "unseeded"))
    assert beat(client, 1, {"items": 3, "pages:2xx": 2}, in_flight=4) == commands.BEAT_APPLIED
    before = dump(client)
    assert beat(client, 1, {"items": 3, "pages:2xx": 2}) == commands.BEAT_REPEATED
    assert dump(client) == before
    assert beat(client, 2, {"items": 1}, seeded=True) == commands.BEAT_APPLIED
    snapshot = look(client)
    assert snapshot.counters == {"items": 4, "pages:2xx": 2}
    assert snapshot.family("pages") == {"2xx": 2}
    assert (snapshot.seeded, snapshot.started, snapshot.in_flight) == (True, True, 0)


def test_the_first_beat_is_dated_once(client):
    run(client, commands.prepare(KEYS, "unseeded"))
    beat(client, 1, {})
    client.hset(KEYS.sentinel, "first_beat_at", "1")
    beat(client, 2, {})
    assert look(client).sentinel["first_beat_at"] == "1"


def test_a_beat_without_sentinel_changes_nothing(client):
    client.set("someone:else", "1")
    before = dump(client)
    assert beat(client, 1, {"items": 3}, seeded=True) == commands.BEAT_WITHOUT_SENTINEL
    assert dump(client) == before
    assert not look(client).intact


def test_beats_of_two_workers_add_up(client):
    run(client, commands.prepare(KEYS, "seeded"))
    for worker in ("pod-a:1", "pod-b:1"):
        state = {"in_flight": 2, "phase": "draining"}
        run(client, commands.beat(KEYS, worker, 1, state, {"items": 5}, seeded=False))
    snapshot = look(client)
    assert snapshot.in_flight == 4
    assert snapshot.counters == {"items": 10}
    assert {worker.pod_uid for worker in snapshot.workers} == {"pod-a", "pod-b"}


@pytest.mark.parametrize(
    ("fill", "kind", "queued"),
    [
        (lambda c: None, "none", 0),
        (lambda c: c.zadd(KEYS.requests, {"a": 1, "b": 2}), "zset", 2),
        (lambda c: c.rpush(KEYS.requests, "a", "b", "c"), "list", 3),
        (lambda c: c.set(KEYS.requests, "a"), "string", -1),
    ],
)
def test_the_queue_is_counted_by_its_type(client, fill, kind, queued):
    fill(client)
    snapshot = look(client)
    assert (snapshot.queue_type, snapshot.queued) == (kind, queued)


def test_a_users_start_url_key_of_any_type(client):
    client.rpush("my:list", "a")
    client.sadd("my:set", "a", "b")
    client.zadd("my:zset", {"a": 1, "b": 1, "c": 1})
    assert [look(client, f"my:{kind}").start_urls for kind in ("list", "set", "zset", "none")] == [1, 2, 3, 0]


@pytest.mark.parametrize(
    ("fill", "which", "first", "second"),
    [
        (lambda c: c.rpush("q", "a", "b", "c"), "first", ["a", "b"], ["c"]),
        (lambda c: c.rpush("q", "a", "b", "c"), "last", ["c", "b"], ["a"]),
        (lambda c: c.rpush("q", "a", "b", "c"), "seeds", ["a", "b"], ["c"]),
        (lambda c: c.zadd("q", {"a": 1, "b": 2, "c": 3}), "first", ["a", "b"], ["c"]),
        (lambda c: c.zadd("q", {"a": 1, "b": 2, "c": 3}), "last", ["c", "b"], ["a"]),
        (lambda c: c.zadd("q", {"a": 1, "b": 2, "c": 3}), "seeds", ["c", "b"], ["a"]),
    ],
)
def test_a_repeated_take_repeats_its_answer(client, fill, which, first, second):
    fill(client)
    assert run(client, commands.take(KEYS, "q", "w:1", 1, 2, which)) == first
    before = dump(client)
    assert run(client, commands.take(KEYS, "q", "w:1", 1, 2, which)) == first
    assert dump(client) == before
    assert run(client, commands.take(KEYS, "q", "w:1", 2, 2, which)) == second
    assert run(client, commands.take(KEYS, "q", "w:1", 3, 2, which)) == []


def test_takes_of_a_set_and_of_two_workers(client):
    client.sadd("q", *"abcdef")
    taken = [
        *run(client, commands.take(KEYS, "q", "w:1", 1, 4, "seeds")),
        *run(client, commands.take(KEYS, "q", "w:2", 1, 4, "seeds")),
    ]
    assert sorted(taken) == list("abcdef")


def test_binary_entries_survive_a_repeat(server, client):
    raw = server.client(decode_responses=False)
    pickle = bytes(range(256)) * 8
    raw.zadd("q", {pickle: 0})
    call = commands.take(KEYS, "q", "w:1", 1, 1, "first")
    assert [raw.eval(*call.arguments()) for _ in range(2)] == [[pickle], [pickle]]


@pytest.mark.parametrize(
    ("spoil", "call"),
    [
        (KEYS.counters, commands.beat(KEYS, "pod:1", 9, {}, {"items": 1}, seeded=True)),
        (KEYS.workers, commands.beat(KEYS, "pod:1", 9, {}, {"items": 1}, seeded=True)),
        (OTHER.start_urls, commands.prepare(OTHER, "seeded", ["https://a.example/"])),
        (KEYS.requests, commands.take(KEYS, KEYS.requests, "w:1", 1, 1, "first")),
        (KEYS.claims, commands.take(KEYS, KEYS.start_urls, "w:1", 1, 1, "first")),
    ],
)
def test_a_script_that_fails_leaves_everything_as_it_was(client, spoil, call):
    run(client, commands.prepare(KEYS, "seeded", ["https://a.example/"]))
    client.set(spoil, "no such type was meant")
    before = dump(client)
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        run(client, call)
    assert dump(client) == before


def test_a_beat_with_a_counter_that_is_no_number_leaves_everything_as_it_was(client):
    run(client, commands.prepare(KEYS, "seeded"))
    client.hset(KEYS.counters, "b", "no number")
    before = dump(client)
    with pytest.raises(redis.ResponseError):
        beat(client, 1, {"a": 1, "b": 1})
    assert dump(client) == before


def test_all_keys_of_a_job_are_named_and_tagged():
    names = KEYS.all()
    properties = [name for name, value in vars(JobKeys).items() if isinstance(value, property)]
    assert {getattr(KEYS, name) for name in properties} == set(names)
    assert all("{0f4c-test}" in name for name in names)


@pytest.mark.parametrize(
    "call", [commands.prepare(KEYS, "seeded", ["u"]), commands.beat(KEYS, "w:1", 1, {}, {"a": 1}, seeded=True)]
)
def test_a_sentinel_that_is_no_hash_is_an_error(client, call):
    client.set(KEYS.sentinel, "x")
    before = dump(client)
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        run(client, call)
    assert dump(client) == before
