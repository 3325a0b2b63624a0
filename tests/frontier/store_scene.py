"""A frontier store on a real Redis, and short words for the tests that use it."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import redis

from crawlfleet_frontier import errors
from crawlfleet_frontier.calls import ScriptCall
from crawlfleet_frontier.store import StoreKeys, calls, replies
from crawlfleet_frontier.store.calls import PushRequest, Settlement
from tests.servers.redis import RedisServer, redis_server

KEYS = StoreKeys("0f4c-store")
OPTIONS = ("--hash-max-listpack-value", "512")


@contextmanager
def store_server(*arguments: str) -> Iterator[RedisServer]:
    """Run a redis-server as the operator sets it up."""
    with redis_server(*OPTIONS, *arguments) as running:
        yield running


def send(client: redis.Redis, call: ScriptCall) -> bytes:
    """Carry one call out; the store's refusals come as `errors.FrontierError`."""
    try:
        return client.eval(*call.eval_arguments())
    except redis.ResponseError as error:
        raise errors.from_reply(str(error)) or error from None


def dump(client: redis.Redis) -> dict[bytes, object]:
    """Everything in the keyspace, as Redis would serialise it; hash tables, whose order moves by itself, by content."""
    keys = client.keys("*")
    with client.pipeline(transaction=False) as pipeline:
        for key in keys:
            pipeline.dump(key)
            pipeline.object("encoding", key)
        answers = pipeline.execute()
    rows = zip(keys, answers[::2], answers[1::2], strict=True)
    return {key: content(client, key) if encoding == b"hashtable" else value for key, value, encoding in rows}


def content(client: redis.Redis, key: bytes) -> object:
    return client.hgetall(key) if client.type(key) == b"hash" else client.smembers(key)


def request(number: int, host: str = "a.example", band: int = 3, payload: bytes | None = None) -> PushRequest:
    """Return a request with a well-spread id of its own."""
    spread = (number * 0x9E3779B97F4A7C15 + 0x1234567) % 2**64 - 2**63
    return PushRequest(str(spread), host, band, payload or f"https://{host}/{number}".encode())


def requests(numbers: Iterable[int], host: str = "a.example", band: int = 3) -> list[PushRequest]:
    return [request(number, host, band) for number in numbers]


class Worker:
    """One worker of the scene: its epoch and its numbers."""

    def __init__(self, scene: "Scene", epoch: str) -> None:
        self.scene, self.epoch, self.number, self.beats = scene, epoch, 0, 0

    def send(self, call: ScriptCall, number: int | None = None) -> bytes:
        if number is None:
            self.number += 1
            number = self.number
        return send(self.scene.client, call.numbered(self.epoch, number))

    def join(self) -> replies.Joined:
        return replies.read_join(send(self.scene.client, calls.join(KEYS, self.epoch)))

    def push(self, batch: Iterable[PushRequest], **options: Any) -> replies.Pushed:
        return replies.read_push(self.send(calls.push(KEYS, batch, **options)))

    def lease(self, *hosts: tuple[str, int], **options: Any) -> replies.Leased:
        return replies.read_lease(self.send(calls.lease(KEYS, hosts, **options)))

    def settle(self, elapsed_ms: int = 0, **words: Any) -> replies.Settled:
        return replies.read_settle(self.send(calls.settle(KEYS, Settlement(**words), elapsed_ms=elapsed_ms)))

    def beat(
        self, held: Sequence[str] = (), increments: dict[str, int] | None = None, **options: Any
    ) -> replies.Beaten:
        self.beats += 1
        given = {"state": '{"phase": "running"}', "after_number": self.number, **options}
        return replies.read_beat(
            send(
                self.scene.client,
                calls.beat(KEYS, self.epoch, self.beats, increments=increments or {}, held=held, **given),
            )
        )

    def leave(self) -> replies.Moved:
        return replies.read_moved(send(self.scene.client, calls.leave(KEYS, self.epoch)))


class Scene:
    """A store and those who use it."""

    def __init__(self, client: redis.Redis, **options: Any) -> None:
        self.client = client
        assert replies.read_one(send(client, calls.create(KEYS, **options))) == 1

    def worker(self, epoch: str = "pod:1") -> Worker:
        worker = Worker(self, epoch)
        worker.join()
        return worker

    def push(self, batch: Iterable[PushRequest], **options: Any) -> replies.Pushed:
        return replies.read_push(send(self.client, calls.push(KEYS, batch, **options)))

    def snapshot(self, start_urls_key: str = "") -> replies.StoreSnapshot:
        return replies.read_snapshot(send(self.client, calls.snapshot(KEYS, start_urls_key)))

    def reap(self, epoch: str = "", *, blame: bool = True) -> replies.Moved:
        return replies.read_moved(send(self.client, calls.reap(KEYS, epoch, blame=blame)))

    def tick(self, elapsed_ms: int = 0) -> replies.Ticked:
        return replies.read_tick(send(self.client, calls.tick(KEYS, elapsed_ms)))

    def one(self, call: ScriptCall) -> int:
        return replies.read_one(send(self.client, call))

    def moved(self, call: ScriptCall) -> replies.Moved:
        return replies.read_moved(send(self.client, call))

    def pass_wall(self, ms: int) -> None:
        """Let `ms` pass on the wall clock."""
        self.client.hincrby(KEYS.meta, "last", -ms)
        self.tick(ms)

    def pass_leases(self, ms: int) -> None:
        """Let `ms` pass on the lease clock, nobody beating."""
        for _ in range(0, ms, 1000):
            self.client.hincrby(KEYS.meta, "lease_last", -1000)
            self.tick()

    def tally(self) -> dict[str, int]:
        names = ("admitted", "queued", "delayed", "leased", "done", "dead", "suspects", "hosts")
        snapshot = self.snapshot()
        return {name: snapshot.number(name) for name in names}
