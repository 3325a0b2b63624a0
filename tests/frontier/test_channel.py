"""Does every call reach its store exactly once, in order, whatever the connection does?"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import asynccontextmanager, suppress

import pytest
from redis.exceptions import (
    AuthenticationError,
    NoScriptError,
    OutOfMemoryError,
    ResponseError,
)
from redis.exceptions import (
    ConnectionError as RedisConnectionError,
)

from crawlfleet_frontier import errors
from crawlfleet_frontier.calls import ScriptCall
from crawlfleet_frontier.client.channel import WINDOW, Channel, OnRestart
from crawlfleet_frontier.client.patience import Backoff
from crawlfleet_frontier.client.store_talk import numbered, plain
from crawlfleet_frontier.client.wire import Command
from crawlfleet_frontier.packing import pack


class Store:
    """What the far end of a wire does: numbers, kept replies, errors on demand. Survives its connections."""

    def __init__(self) -> None:
        self.last = 0
        self.done: list[str] = []
        self.replies: dict[int, bytes] = {}
        self.refusals: list[Exception] = []
        self.flushed = False

    def call(self, command: Command) -> object:
        name, _, _, _, value, *rest = command
        if name == "EVALSHA" and self.flushed:
            return NoScriptError("No matching script")
        self.flushed = False if name == "EVAL" else self.flushed
        if not rest:
            self.done.append(str(value))
            return pack([value])
        number = int(rest[1])
        if number != self.last + 1:
            return self.replies.get(number) or ResponseError(f"ORDER call {number} came where {self.last + 1} is next")
        if self.refusals:
            refusal = self.refusals.pop(0)
            if refusal is not None:
                return refusal
        self.last = number
        self.done.append(str(value))
        self.replies[number] = pack([value])
        self.replies.pop(number - WINDOW, None)
        return self.replies[number]


class FakeWire:
    """A wire to a Store; `lose` says after how many replies of a connection it breaks, the call done or not."""

    def __init__(self, store: Store, lose: Callable[[int], tuple[int, bool]] | None = None) -> None:
        self.store, self.lose = store, lose or (lambda connection: (10**9, True))
        self.connections = self.most_open = 0
        self.replies: asyncio.Queue[object] = asyncio.Queue()
        self.refuse: Exception | None = None
        self.run_id = ""
        """Redis', where it is the same for all connections."""

    async def connect(self) -> str:
        await asyncio.sleep(0)
        if self.refuse:
            raise self.refuse
        self.connections += 1
        self.replies = asyncio.Queue()
        self.answers_left, self.loses_done = self.lose(self.connections)
        return self.run_id or f"run-{self.connections}"

    async def send(self, commands: Sequence[Command]) -> None:
        await asyncio.sleep(0)
        for command in commands:
            self.answers_left -= 1
            if self.answers_left < 0:
                if self.loses_done and self.answers_left == -1:
                    self.store.call(command)
                self.replies.put_nowait(RedisConnectionError("gone"))
                return
            self.replies.put_nowait(self.store.call(command))
        self.most_open = max(self.most_open, self.replies.qsize())

    async def read(self) -> object:
        reply = await self.replies.get()
        if isinstance(reply, RedisConnectionError):
            raise reply
        return reply

    async def close(self) -> None:
        pass


def call(value: str) -> ScriptCall:
    return ScriptCall("join", "store", "meta", (value,))


@asynccontextmanager
async def channel(wire: FakeWire, on_restart: OnRestart | None = None):
    opened = Channel(wire, "pod:1", Backoff(first=0.001, longest=0.002), on_restart)
    opened.open()
    async with asyncio.timeout(10):
        yield opened
        await opened.close()


async def test_calls_are_carried_out_in_order_and_pipelined():
    store = Store()
    async with channel(wire := FakeWire(store)) as line:
        answers = await asyncio.gather(*[line.submit(numbered(call(str(n)))) for n in range(50)])
    assert store.done == [str(n) for n in range(50)]
    assert [answer.number for answer in answers] == list(range(1, 51))
    assert 1 < wire.most_open <= WINDOW


@pytest.mark.parametrize("loses_done", [True, False])
@pytest.mark.parametrize("after", [1, 3, 8, 11])
async def test_a_broken_connection_repeats_and_doubles_nothing(after, loses_done):
    store = Store()
    async with channel(wire := FakeWire(store, lambda connection: (after, loses_done))) as line:
        await asyncio.gather(*[line.submit(numbered(call(str(n)))) for n in range(40)])
    assert store.done == [str(n) for n in range(40)]
    assert wire.connections > 3


async def test_a_redis_that_was_started_anew_is_told_nothing_before_it_is_made_good():
    store, made_good = Store(), []

    async def on_restart():
        await asyncio.sleep(0)
        made_good.append(list(store.done))
        if len(made_good) == 1:
            raise RedisConnectionError("gone again")

    async with channel(wire := FakeWire(store, lambda connection: (3, True)), on_restart) as line:
        await asyncio.gather(*[line.submit(numbered(call(str(n)))) for n in range(8)])
    done = [str(n) for n in range(8)]
    assert store.done == done
    assert made_good[:2] == [done[:4]] * 2, "what it raises breaks the connection, and it is asked again"
    assert len(made_good) == wire.connections - 1


async def test_another_connection_to_the_same_redis_is_no_restart():
    store, made_good = Store(), []

    async def on_restart():
        made_good.append(True)

    wire = FakeWire(store, lambda connection: (3, True))
    wire.run_id = "always"
    async with channel(wire, on_restart) as line:
        await asyncio.gather(*[line.submit(numbered(call(str(n)))) for n in range(8)])
    assert wire.connections > 1
    assert not made_good


async def test_a_refused_call_fails_alone():
    store = Store()
    store.refusals = [None, OutOfMemoryError("command not allowed"), None]
    async with channel(FakeWire(store)) as line:
        futures = [line.submit(numbered(call(str(n)))) for n in range(6)]
        results = await asyncio.gather(*futures, return_exceptions=True)
    assert isinstance(results[1], OutOfMemoryError)
    assert store.done == ["0", "2", "3", "4", "5"]
    assert line.confirmed == 5


@pytest.mark.parametrize("refusal", ["NOSENTINEL there is no store", "BUSY Redis is busy running a script"])
async def test_what_passes_is_waited_for(refusal):
    store = Store()
    store.refusals = [None, ResponseError(refusal), ResponseError(refusal)]
    async with channel(FakeWire(store)) as line:
        await asyncio.gather(*[line.submit(numbered(call(str(n)))) for n in range(5)])
    assert store.done == [str(n) for n in range(5)]


async def test_lost_scripts_are_sent_again():
    store = Store()
    async with channel(FakeWire(store)) as line:
        await line.submit(numbered(call("0")))
        store.flushed = True
        await asyncio.gather(*[line.submit(numbered(call(str(n)))) for n in range(1, 5)])
    assert store.done == ["0", "1", "2", "3", "4"]


async def test_a_store_that_went_back_in_time_says_order():
    store = Store()
    async with channel(FakeWire(store)) as line:
        await asyncio.gather(*[line.submit(numbered(call(str(n)))) for n in range(3)])
        store.last, store.replies = 1, {1: store.replies[1]}
        with pytest.raises(errors.OutOfOrder, match="call 4 came where 2 is next"):
            await line.submit(numbered(call("late")))


async def test_fenced_is_told():
    store = Store()
    store.refusals = [ResponseError("FENCED unknown epoch")]
    async with channel(FakeWire(store)) as line:
        with pytest.raises(errors.Fenced, match="unknown epoch"):
            await line.submit(numbered(call("0")))


async def test_a_wrong_password_is_told_at_once():
    wire = FakeWire(Store())
    wire.refuse = AuthenticationError("invalid username-password pair")
    async with channel(wire) as line:
        with pytest.raises(AuthenticationError):
            await line.submit(numbered(call("0")))


async def test_while_redis_is_away_calls_wait_and_the_trouble_is_named():
    wire = FakeWire(store := Store())
    wire.refuse = OSError("connection refused")
    async with channel(wire) as line:
        future = line.submit(numbered(call("0")))
        while not line.trouble:  # noqa: ASYNC110 - nothing rings
            await asyncio.sleep(0.001)
        assert "connection refused" in line.trouble
        wire.refuse = None
        await future
        assert (line.trouble, store.done) == ("", ["0"])


async def test_a_call_is_built_for_the_redis_that_it_is_sent_to():
    seen: list[str] = []

    def build(sending):
        seen.append(sending.run_id)
        return call(sending.run_id).numbered(sending.epoch, sending.number)

    store = Store()
    async with channel(FakeWire(store, lambda connection: (0 if connection == 1 else 99, False))) as line:
        first = line.submit(build)
        answer = await first
    assert (seen, store.done, answer.number) == (["run-1", "run-2"], ["run-2"], 1)


async def test_the_first_sending_counts_where_a_call_is_repeated():
    store = Store()
    async with channel(FakeWire(store, lambda connection: (0 if connection < 4 else 99, True))) as line:
        answer = await line.submit(numbered(call("0")))
    assert answer.received_at - answer.sent_at > 0.001


async def test_calls_without_a_number_go_in_between():
    store = Store()
    async with channel(FakeWire(store)) as line:
        one, two, three = (
            line.submit(numbered(call("1"))),
            line.submit(plain(call("x")), numbered=False),
            line.submit(numbered(call("2"))),
        )
        assert (await one).number, (await two).number == (1, 0)
        assert (await three).number == 2
    assert store.done == ["1", "x", "2"]


async def test_closing_ends_what_waits():
    wire = FakeWire(Store())
    wire.refuse = OSError("away")
    async with channel(wire) as line:
        future = line.submit(numbered(call("0")))
    with pytest.raises(asyncio.CancelledError):
        await future
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(0)


def test_the_waits_double_to_a_bound_and_are_spread():
    backoff = Backoff(first=0.1, longest=1.0, chance=lambda: 1.0)
    assert [backoff.next() for _ in range(6)] == [0.05, 0.1, 0.2, 0.4, 0.5, 0.5]
    backoff.reset()
    assert backoff.next() == 0.05
