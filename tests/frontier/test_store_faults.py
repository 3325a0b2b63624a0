"""Does a script of the frontier store that fails for any reason leave every key as it was?"""

import random
from collections.abc import Callable, Iterator

import pytest
import redis

from crawlfleet_frontier import errors, lua
from crawlfleet_frontier.calls import ScriptCall
from crawlfleet_frontier.packing import pack, unpack
from crawlfleet_frontier.store import calls
from crawlfleet_frontier.store.calls import PushRequest, Settlement
from tests.frontier.store_scene import KEYS, Scene, Worker, dump, request, requests, send, store_server
from tests.servers.redis import RedisServer

START_URLS = "{0f4c-store:0}start_urls"
CLIENT_COMMANDS = {"eval", "evalsha", "info", "config|resetstat", "config|set", "dump", "keys", "flushall", "restore"}


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with store_server() as running:
        yield running


@pytest.fixture(scope="module", params=["exact", "bloom"])
def stage(request, server) -> Iterator["Stage"]:
    with server.client(decode_responses=False) as client:
        client.flushall()
        options = {"bloom_bits": 6_000_000, "bloom_hashes": 5} if request.param == "bloom" else {}
        yield Stage(client, options)


class Stage:
    """A store with something in every key, put back before each call."""

    def __init__(self, client: redis.Redis, options: dict[str, int]) -> None:
        self.client = client
        self.scene = Scene(client, host_cap=1000, max_losses=2, **options)
        self.worker = self._play()
        self.before = dump(client)
        self.values = {key: client.dump(key) for key in self.before}

    def _play(self) -> Worker:
        scene, client = self.scene, self.client
        worker, silent, fenced = (scene.worker(epoch) for epoch in ("pod:1", "pod:2", "pod:3"))
        scene.push(requests(range(160), "long.example"))
        scene.push([request(n, f"h{n}.example", n % 8) for n in range(160, 174)])
        client.rpush(KEYS.seeds, "seed 1", "seed 2", "seed 3")
        client.sadd(START_URLS, "seed 1", "seed 2")
        client.rpush(KEYS.items, "item")
        worker.beat(increments={"pages": 1})
        for each in (silent, fenced):
            each.lease(("long.example", 10))
        tokens = [grant.token for grant in worker.lease(("long.example", 20), ("h160.example", 1)).grants]
        worker.settle(
            done=tokens[:2],
            retry=[(tokens[2], 10, b""), (tokens[3], 10, b"")],
            dead=[(tokens[4], "Broken", "text"), (tokens[5], "Broken", "text")],
            expired=tokens[6:8],
        )
        client.zrem(f"{KEYS.prefix}workers", "pod:3")
        client.zadd(f"{KEYS.prefix}fencing", {"pod:3": 0})
        client.zadd(f"{KEYS.prefix}fenced", {"pod:4": 0})
        scene.pass_leases(8000)
        worker.beat(held=tokens[8:])
        scene.pass_wall(100)
        return worker

    def put_back(self) -> None:
        with self.client.pipeline(transaction=False) as pipeline:
            pipeline.flushall()
            for key, value in self.values.items():
                pipeline.restore(key, 0, value)
            pipeline.execute()

    def calls(self) -> dict[str, ScriptCall]:
        """One call of every script that changes as much as it can here."""
        dead = [entry.decode() for entry, _ in self.client.xrange(KEYS.dead)]
        held = sorted(key.decode() for key in self.client.hkeys(f"{KEYS.prefix}l:pod:1"))
        told = [(host.decode(), int(serial)) for host, serial in self.client.hgetall(f"{KEYS.prefix}wake").items()]
        return {
            "configure": calls.configure(KEYS, host_cap=1, stop_pages=2, max_losses=3),
            "join": calls.join(KEYS, "pod:9"),
            "beat": calls.beat(
                KEYS, "pod:1", 3, state="{}", increments={"pages": 2}, after_number=self.worker.number, held=held
            ),
            "leave": calls.leave(KEYS, "pod:1"),
            "seed": calls.seed(KEYS, "pod:1", "claim"),
            "push": self._numbered(self._push(KEYS.seeds, ["seed 1", "seed 2"])),
            "push from a set": self._push(START_URLS, ["seed 1"]),
            "lease": self._numbered(
                calls.lease(
                    KEYS, [("long.example", 30), ("h161.example", 1), ("none.example", 1)], elapsed_ms=50, done=held[:2]
                )
            ),
            "settle": self._numbered(
                calls.settle(
                    KEYS,
                    Settlement(
                        done=held[:1],
                        retry=[(held[1], 5, b"other")],
                        dead=[(held[2], "Broken", "text")],
                        release=[*held[3:6], *held[8:]],
                        expired=held[6:7],
                    ),
                )
            ),
            "reconcile": self._numbered(calls.reconcile(KEYS, held[:3])),
            "reap": calls.reap(KEYS),
            "reap by name": calls.reap(KEYS, "pod:1", blame=False),
            "tick": calls.tick(KEYS, 100),
            "woken": calls.woken(KEYS, told),
            "rewake": calls.rewake(KEYS, "pace"),
            "replay": calls.replay(KEYS, dead),
            "block": calls.block(KEYS, "long.example"),
            "snapshot": calls.snapshot(KEYS),
        }

    def _push(self, key: str, drained: list[str]) -> ScriptCall:
        fresh = [request(n, f"n{n}.example", n % 8) for n in range(1000, 1030)]
        return calls.push(
            KEYS, [*fresh, *requests(range(2000, 2020), "h165.example")], drained_key=key, drained=drained
        )

    def _numbered(self, call: ScriptCall) -> ScriptCall:
        return call.numbered("pod:1", self.worker.number + 1)


NAMES = [
    "configure",
    "join",
    "beat",
    "leave",
    "seed",
    "push",
    "lease",
    "settle",
    "reconcile",
    "reap",
    "tick",
    "woken",
    "rewake",
    "replay",
    "block",
    "snapshot",
    "push from a set",
    "reap by name",
]


def test_every_script_is_among_the_calls():
    assert {name.split(" ")[0] for name in NAMES} | {"create", "close", "reopen"} == set(lua.script_names("store"))


@pytest.mark.parametrize("name", NAMES)
def test_a_key_of_a_foreign_type_changes_nothing(stage, name):
    """Every key that the script changes is tried, and every other key that is there."""
    stage.put_back()
    call = stage.calls()[name]
    types = {key: stage.client.type(key) for key in stage.before}
    send(stage.client, call)
    after = dump(stage.client)
    types |= {key: stage.client.type(key) for key in after}
    failures = {key for key, kind in types.items() if fails_on_foreign(stage, call, key, kind)}
    assert failures >= {key for key in types if stage.before.get(key) != after.get(key)}


def fails_on_foreign(stage: Stage, call: ScriptCall, key: bytes, kind: bytes) -> bool:
    stage.put_back()
    stage.client.delete(key)
    if kind == b"string":
        stage.client.zadd(key, {"foreign": 1})
    else:
        stage.client.set(key, "foreign")
    before = dump(stage.client)
    try:
        send(stage.client, call)
    except (redis.ResponseError, errors.FrontierError):
        assert dump(stage.client) == before, key
        return True
    return False


@pytest.mark.parametrize("name", NAMES)
def test_a_user_who_lacks_a_command_changes_nothing(stage, server, name):
    stage.put_back()
    call = stage.calls()[name]
    for command in commands_of(stage, call):
        stage.put_back()
        stage.client.execute_command("ACL", "SETUSER", "narrow", "reset", "on", "nopass", "~*", "+@all", f"-{command}")
        narrow = server.client(decode_responses=False, username="narrow", password="x")
        with narrow, pytest.raises(redis.ResponseError):
            send(narrow, call)
        assert dump(stage.client) == stage.before, command


def commands_of(stage: Stage, call: ScriptCall) -> list[str]:
    stage.client.config_resetstat()
    send(stage.client, call)
    used = {name.removeprefix("cmdstat_") for name in stage.client.info("commandstats")}
    return sorted(used - CLIENT_COMMANDS)


@pytest.mark.parametrize("name", NAMES)
def test_full_memory_stops_a_script_before_it_begins_or_not_at_all(stage, name):
    stage.put_back()
    call = stage.calls()[name]
    stage.client.config_set("maxmemory", 1)
    try:
        send(stage.client, call)
        refused = False
    except redis.exceptions.OutOfMemoryError:
        refused = True
    finally:
        stage.client.config_set("maxmemory", 0)
    assert refused == (call.name in {"push", "replay"})
    assert not refused or dump(stage.client) == stage.before


@pytest.mark.parametrize("name", NAMES)
def test_without_the_sentinel_nothing_is_written(stage, name):
    stage.put_back()
    call = stage.calls()[name]
    stage.client.flushall()
    with pytest.raises(errors.NoSentinel):
        send(stage.client, call)
    assert dump(stage.client) == {}


TOO_BIG: dict[str, Callable[[], ScriptCall]] = {
    "push": lambda: calls.push(KEYS, requests(range(501))),
    "push in bytes": lambda: calls.push(
        KEYS, [PushRequest("1", "a", 0, b"x" * 600_000), PushRequest("2", "a", 0, b"x" * 600_000)]
    ),
    "drained": lambda: calls.push(KEYS, [], drained_key=KEYS.seeds, drained=["x"] * 501),
    "lease of hosts": lambda: calls.lease(KEYS, [("a", 1)] * 201),
    "lease with done": lambda: calls.lease(KEYS, [], done=["1.1"] * 501),
    "lease of requests": lambda: calls.lease(KEYS, [("a", 300), ("b", 201)]),
    "settle": lambda: calls.settle(KEYS, Settlement(done=["1.1"] * 300, release=["1.2"] * 201)),
    "settle in bytes": lambda: calls.settle(
        KEYS, Settlement(retry=[("1.1", 0, b"x" * 600_000), ("1.2", 0, b"x" * 600_000)])
    ),
    "reconcile": lambda: calls.reconcile(KEYS, ["1.1"] * 5001),
    "woken": lambda: calls.woken(KEYS, [("a", 1)] * 501),
    "replay": lambda: calls.replay(KEYS, ["1-1"] * 501),
}


@pytest.mark.parametrize("name", TOO_BIG)
def test_a_batch_above_the_bound_changes_nothing(stage, name):
    stage.put_back()
    with pytest.raises(errors.TooBig):
        send(stage.client, TOO_BIG[name]().numbered("pod:1", stage.worker.number + 1))
    assert dump(stage.client) == stage.before


ODD = (None, True, -1, 0.5, 2**63, -(2**63), "", "x", "7", [], [[]], [None], "x" * 300, b"\xff", {"a": 1}, [["a", 1]])


@pytest.mark.parametrize("name", NAMES)
def test_arguments_of_any_shape_are_refused_whole_or_carried_out(stage, name):
    draw = random.Random(f"frontier {name}")
    stage.put_back()
    call = stage.calls()[name]
    refused = 0
    for _ in range(60):
        stage.put_back()
        bent = ScriptCall(
            call.name, call.package, call.key, (pack(bend(unpack(call.args[0]), draw)), *call.args[1:]), call.more_keys
        )
        refusal = refusal_of(stage, bent)
        if refusal is not None:
            refused += 1
            assert "user_script" not in str(refusal), bent
            assert dump(stage.client) == stage.before
    assert refused or name in {"leave"}


def refusal_of(stage: Stage, call: ScriptCall) -> Exception | None:
    try:
        send(stage.client, call)
    except (redis.ResponseError, errors.FrontierError) as error:
        return error
    return None


def bend(value: list, draw: random.Random) -> object:
    """Replace one thing, at any depth, by something odd."""
    if not value or draw.random() < 0.15:
        return draw.choice(ODD)
    place = draw.randrange(len(value))
    inner = value[place]
    deeper = isinstance(inner, list) and inner and draw.random() < 0.7
    return [*value[:place], bend(inner, draw) if deeper else draw.choice(ODD), *value[place + 1 :]]
