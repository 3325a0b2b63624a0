"""Does the pace store say what its contracts say: the policy's shape, numbered calls, refusals that write nothing?

`Pace` drives a store for all tests of the pace: its time moves only when a test says so.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from crawlfleet_frontier import errors, lua
from crawlfleet_frontier.calls import ScriptCall
from crawlfleet_frontier.pace import PaceKeys, calls, replies
from crawlfleet_frontier.pace.calls import Ask, Close, Exchange, Hold, HostSerial, Outcome, Override, Take
from crawlfleet_frontier.packing import pack, unpack
from tests.servers.redis import redis_server

KEYS = PaceKeys("0f4c-test")
RUN = "run-1"
SEND_WINDOW = 2000
OPEN = 30_000
TICKER = "ticker:0"
STANDS = 10**14
"""`last` in the store's meta while no time shall pass: TIME never gets there."""


class Pace:
    """A pace store on a real Redis. Workers say that no time passed: `pass_time` alone moves its clock, exactly."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        self.numbers: dict[str, int] = {}
        self.run = RUN

    def send(self, call: ScriptCall) -> bytes:
        try:
            return self._evaluate(call)
        except redis.ResponseError as error:
            raise errors.from_reply(str(error)) or error from error

    def _evaluate(self, call: ScriptCall) -> bytes:
        try:
            reply = self.client.evalsha(*call.evalsha_arguments())
        except redis.exceptions.NoScriptError:
            reply = self.client.eval(*call.eval_arguments())
        assert isinstance(reply, bytes)
        return reply

    def policy(self, delay: int = 1000, limit: int = 1, *overrides: Override, version: str | None = None) -> bool:
        version = version or f"{delay}/{limit}/{overrides}"[:200]
        return replies.read_changed(self.send(calls.policy(KEYS, version, delay, limit, overrides)))

    def exchange(
        self, epoch: str, *, elapsed: int = 0, number: int | None = None, stands: bool = True, **said: Any
    ) -> replies.ExchangeReply:
        if number is None:
            number = self.numbers[epoch] = self.numbers.get(epoch, 0) + 1
        said = {"open_ms": OPEN, "run_id": self.run, **said}
        reply = self.send(calls.exchange(KEYS, epoch, number, Exchange(elapsed_ms=elapsed, **said)))
        if stands:
            self.client.hset(KEYS.meta, mapping={"last": STANDS, "owed": 0})
        return replies.read_exchange(reply)

    def pass_time(self, ms: int) -> replies.ExchangeReply:
        self.exchange(TICKER)
        self.time_moves(ms)
        return self.exchange(TICKER, elapsed=ms)

    def time_moves(self, ms: int) -> None:
        """Let the next call find TIME so much later than the last one did (and what the test itself takes)."""
        seconds, micros = self.client.time()
        self.client.hset(KEYS.meta, "last", seconds * 1000 + micros // 1000 - ms)

    @property
    def wall(self) -> int:
        return int(self.client.hget(KEYS.meta, "wall") or 0)

    def want(self, *hosts: str, serial: int = 10, epoch: str = "pod-a:1") -> None:
        self.exchange(epoch, wants=[HostSerial(host, serial) for host in hosts])

    def take(
        self,
        epoch: str = "pod-a:1",
        hosts: int = 10,
        slots: int = 64,
        horizon: int = 0,
        starving: bool = False,
        **said: Any,
    ):
        return self.exchange(epoch, take=Take(hosts, slots, horizon, starving), **said)

    def close(self, token: str, age: int = 0, epoch: str = "pod-a:1", **more: Any) -> replies.ExchangeReply:
        return self.exchange(epoch, closes=[Close(token, age, **more)])

    def contents(self) -> dict[bytes, Any]:
        """Every key and all that it holds. (DUMP orders a hash by its table, which Redis may enlarge meanwhile.)"""
        return {key: self._content(key) for key in self.client.keys("*")}

    def _content(self, key: bytes) -> Any:
        kind = self.client.type(key)
        if kind == b"hash":
            return self.client.hgetall(key)
        return self.client.zrange(key, 0, -1, withscores=True) if kind == b"zset" else self.client.dump(key)


@pytest.fixture(scope="module")
def client() -> Iterator[redis.Redis]:
    with redis_server() as server, server.client(decode_responses=False) as connected:
        yield connected


@pytest.fixture
def pace(client: redis.Redis) -> Pace:
    client.flushall()
    store = Pace(client)
    store.policy()
    return store


def names(reply: replies.ExchangeReply) -> list[str]:
    return [grant.host for grant in reply.grants]


def test_without_a_policy_there_is_no_store(client):
    client.flushall()
    store = Pace(client)
    with pytest.raises(errors.NoSentinel):
        store.exchange("pod-a:1")
    with pytest.raises(errors.NoSentinel):
        store.send(calls.pace_snapshot(KEYS))
    assert client.keys("*") == []


def test_the_same_policy_version_changes_nothing(pace):
    before = pace.contents()
    assert not pace.policy()
    assert pace.contents() == before
    assert pace.policy(version="next")


def test_a_repeated_call_is_answered_with_the_reply_it_had_and_changes_nothing(pace):
    pace.want("a.example")
    first = pace.take()
    before = pace.contents()
    again = pace.exchange("pod-a:1", number=2, take=Take(10, 64))
    assert again == first
    assert pace.contents() == before


def test_calls_come_in_order_and_a_new_epoch_begins_with_one(pace):
    pace.exchange("pod-a:1")
    with pytest.raises(errors.OutOfOrder):
        pace.exchange("pod-a:1", number=3)
    with pytest.raises(errors.Fenced):
        pace.exchange("pod-b:1", number=2)
    for _ in range(9):
        pace.exchange("pod-a:1")
    with pytest.raises(errors.OutOfOrder):
        pace.exchange("pod-a:1", number=2)


GOOD = [RUN, 0, [], [], [], [], [], [0, 0, 0, False], 0]


@pytest.mark.parametrize(
    ("place", "value", "error"),
    [
        (1, -1, errors.BadInput),
        (2, [["t", 0, 3, 0, -1]], errors.BadInput),
        (2, [["t", 0]], errors.BadInput),
        (2, [["host:", 0, 0, 0, -1]], errors.BadInput),
        (2, [["t", 0, 0, 0, -1]] * 501, errors.TooBig),
        (3, [["t", 0.5]], errors.BadInput),
        (4, [["h", 0]], errors.BadInput),
        (4, "h", errors.BadInput),
        (5, [["h" * 301, 1]], errors.BadInput),
        (6, [["h", 0]], errors.BadInput),
        (6, [["h", 1]] * 201, errors.TooBig),
        (7, [0, 0], errors.BadInput),
        (7, [201, 0, 0, False], errors.BadInput),
        (7, [1, 1, 2001, False], errors.BadInput),
        (7, [1, 1, 2000], errors.BadInput),
        (7, [1, 1, 2000, 1], errors.BadInput),
        (8, "x", errors.BadInput),
    ],
)
def test_bad_input_is_refused_by_name_and_nothing_is_written(pace, place, value, error):
    before = pace.contents()
    given = [*GOOD[:place], value, *GOOD[place + 1 :]]
    with pytest.raises(error):
        pace.send(ScriptCall("exchange", "pace", KEYS.meta, (pack(given), "pod-a:1", 1)))
    with pytest.raises(errors.BadInput):
        pace.send(ScriptCall("exchange", "pace", KEYS.meta, (b"\xc1", "pod-a:1", 1)))
    with pytest.raises(errors.BadInput):
        pace.send(ScriptCall("exchange", "pace", "elsewhere", (pack(GOOD), "pod-a:1", 1)))
    assert pace.contents() == before


def test_a_bad_policy_names_the_override(pace):
    with pytest.raises(errors.BadInput, match=r"overrides\[1\]"):
        pace.policy(1000, 1, Override("a"), Override("b", 1, 0))
    with pytest.raises(errors.TooBig):
        pace.policy(1000, 1, *[Override(f"h{n}") for n in range(1001)], version="big")


def everything(pace: Pace) -> list[ScriptCall]:
    """One call of each script, each of which writes (or reads) every key it can."""
    reply = pace.take(hosts=2)
    busy = Exchange(
        run_id="run-2",
        elapsed_ms=100,
        open_ms=OPEN,
        take=Take(10, 10, 2000),
        closes=[Close(reply.grants[0].token, 0, Outcome.SLOW_DOWN, 5000, 7000), Close("host:z.example", 0)],
        holds=[Hold(reply.grants[1].token, 0)],
        wants=[HostSerial("n.example", 12), HostSerial("a.example", 12)],
        idles=[HostSerial("b.example", 12)],
        asks=[Ask("m.example", 1)],
    )
    return [
        calls.exchange(KEYS, "pod-a:1", pace.numbers["pod-a:1"] + 1, busy),
        calls.policy(KEYS, "another", 5, 2, [Override("*.example", 3)]),
        calls.confirm_dead(KEYS, ["pod-a"]),
        calls.robots(
            KEYS,
            "pod-a:1",
            5,
            ["https://r"],
            [calls.RobotsClaim("https://c", 500)],
            [calls.RobotsWrite("https://w", "ok", b"User-agent: *", 1000)],
        ),
        calls.pace_snapshot(KEYS),
    ]


def crowded(pace: Pace) -> list[ScriptCall]:
    pace.want(*[f"{letter}.example" for letter in "abcdef"])
    script_calls = everything(pace)
    pace.send(script_calls[3])
    assert {call.name for call in script_calls} == set(lua.script_names("pace"))
    return script_calls


def failure(pace: Pace, call: ScriptCall) -> redis.ResponseError | None:
    try:
        pace.send(call)
    except redis.ResponseError as error:
        return error
    return None


@pytest.mark.parametrize(
    "key", ["meta", "policy", "ready", "clock", "resting", "deadlines", "epochs", "robots", "e:pod-a:1", "g:"]
)
def test_a_foreign_type_on_any_key_leaves_all_as_it_was(pace, key):
    script_calls = crowded(pace)
    saved = {kept: pace.client.dump(kept) for kept in pace.client.keys("*")}
    name = (KEYS.prefix + key).encode()
    victim = next(k for k in pace.client.keys("*") if k.startswith(name)) if key == "g:" else name
    pace.client.delete(victim)
    pace.client.set(victim, "foreign")
    before = pace.contents()
    refused = 0
    for call in script_calls:
        if error := failure(pace, call):
            assert "WRONGTYPE" in str(error)
            assert pace.contents() == before
            refused += 1
        else:
            for changed in pace.client.keys("*"):
                pace.client.delete(changed)
            for kept, value in saved.items():
                pace.client.restore(kept, 0, value)
            pace.client.set(victim, "foreign")
            before = pace.contents()
    assert refused >= 1


COMMANDS = ["HSET", "HDEL", "ZADD", "ZREM", "UNLINK", "HMGET", "ZRANGEBYSCORE", "ZMSCORE", "TIME"]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_missing_permission_leaves_all_as_it_was(pace, command):
    script_calls = crowded(pace)
    pace.client.execute_command("ACL", "SETUSER", "default", f"-{command}")
    try:
        before = pace.contents()
        refused = 0
        for call in script_calls:
            if error := failure(pace, call):
                assert re.search("needs the command|can't run this command|no permissions", str(error))
                assert pace.contents() == before
                refused += 1
            else:
                before = pace.contents()
        assert refused >= 1
    finally:
        pace.client.execute_command("ACL", "SETUSER", "default", "+@all")


def test_without_memory_policy_and_robots_are_refused_whole_and_exchange_goes_on(pace):
    script_calls = crowded(pace)
    pace.client.config_set("maxmemory", "1")
    try:
        before = pace.contents()
        for call in (script_calls[1], script_calls[3]):
            with pytest.raises(redis.ResponseError, match=r"OOM|used memory"):
                pace.send(call)
        assert pace.contents() == before
        assert len(unpack(pace.send(script_calls[0]))) == 7
        assert unpack(pace.send(script_calls[2])) == [0]
    finally:
        pace.client.config_set("maxmemory", "0")


def test_the_snapshot_counts_ready_waiting_and_held(pace):
    pace.want("a.example", "b.example", "c.example")
    pace.take(hosts=1)
    pace.pass_time(500)
    snapshot = replies.read_snapshot(pace.send(calls.pace_snapshot(KEYS)))
    assert (snapshot.ready, snapshot.waiting, snapshot.held_slots) == (2, 2, 1)
    assert snapshot.store_id == pace.pass_time(0).store_id
