"""A worker of `engine: Frontier` as both stores see it: joins, seeds, takes slots and leases, settles; no fetching."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import redis
from redis.exceptions import ResponseError

from crawlfleet_frontier.calls import ScriptCall
from crawlfleet_frontier.errors import Fenced, FrontierError, from_reply
from crawlfleet_frontier.pace import PaceKeys
from crawlfleet_frontier.pace import calls as pace
from crawlfleet_frontier.pace import replies as pace_replies
from crawlfleet_frontier.store import StoreKeys, replies
from crawlfleet_frontier.store import calls as store
from tests.api.simulated_worker import START_REQUESTS, Pace

HOST = "a.example"


class SimulatedFrontierWorker:
    """The worker of one pod, driven step by step."""

    def __init__(self, server: Any, pod_uid: str, environment: Mapping[str, str]) -> None:
        # A connection of its own: the fleet's client decodes replies, these are packed.
        parts = server.connection_pool.connection_kwargs
        self._redis = redis.Redis(parts["host"], parts["port"], password=parts.get("password"), socket_timeout=2)
        uid = environment["CRAWLFLEET_JOB_UID"]
        self._keys, self._pace_keys = StoreKeys(uid), PaceKeys(uid)
        seeds = json.loads(environment["CRAWLFLEET_SEEDS"])
        self._runs_start = seeds["type"] == "Spider"
        self._start_urls = seeds.get("key", self._keys.seeds)
        self._pod_uid = pod_uid
        self.pace = Pace()
        self._begin()

    def _begin(self) -> None:
        self._epoch = f"{self._pod_uid}:{uuid4().hex[:8]}"
        self._joined = False
        self._beats = self._calls = self._exchanges = 0
        self._leases: list[replies.Granted] = []
        self._slots: list[str] = []
        self._wakes: tuple[tuple[str, int], ...] = ()
        self._empty: tuple[tuple[str, int], ...] = ()

    def step(self) -> None:
        """Settle what was in hand, take anew, beat. Redis away, or no sentinel yet: nothing, as the real one waits."""
        try:
            if not self._joined:
                self._say(store.join(self._keys, self._epoch))
                self._joined = True
            self._work()
            self._beat("running")
        except Fenced:
            self._begin()
        except (FrontierError, redis.RedisError):
            self._redis.connection_pool.disconnect()

    def leave(self) -> None:
        """Give everything back: the drain of a stopped worker."""
        try:
            if self._joined:
                self._exchange(pace.NOTHING)
                while replies.read_moved(self._say(store.leave(self._keys, self._epoch))).left:
                    pass
        except (FrontierError, redis.RedisError):
            pass
        self._redis.close()

    def die(self) -> None:
        """End without a word."""
        self._redis.close()

    def _work(self) -> None:
        if self._runs_start and not self._seed():
            return
        if not self.pace.requests:
            return
        self._settle()
        self._drain_seeds()
        granted = self._exchange(pace.Take(self.pace.requests, self.pace.requests, 2000))
        self._lease([(grant.host, grant.slots) for grant in granted])

    def _seed(self) -> bool:
        """Whether the spider's `start()` is through."""
        answer = replies.read_seed(self._say(store.seed(self._keys, self._epoch, "claim")))
        if answer == "run" and self.pace.start_is_through:
            self._push([f"http://{HOST}/start/{n}" for n in range(START_REQUESTS)])
            self._say(store.seed(self._keys, self._epoch, "done"))
        return answer == "seeded"

    def _drain_seeds(self) -> None:
        entries = [bytes(entry).decode() for entry in self._redis.lrange(self._start_urls, 0, 99)]  # type: ignore[arg-type]
        if entries:
            urls = [json.loads(entry)["url"] if entry.startswith("{") else entry for entry in entries]
            self._push(urls, entries)

    def _push(self, urls: list[str], drained: list[str] | None = None) -> None:
        rows = [store.PushRequest(_id(url), HOST, 3, url.encode()) for url in urls]
        self._say(store.push(self._keys, rows, drained_key=self._start_urls if drained else "", drained=drained or ()))

    def _settle(self) -> None:
        tokens = [lease.token for lease in self._leases]
        if not tokens:
            return
        dead = [(token, "Timeout", "took too long") for token in tokens] if self.pace.fails else []
        self._numbered(store.settle(self._keys, store.Settlement(done=() if dead else tokens, dead=dead)))
        self._leases = []

    def _exchange(self, take: pace.Take) -> tuple[pace_replies.Grant, ...]:
        said = pace.Exchange(
            run_id="run",
            elapsed_ms=200,
            open_ms=5000,
            take=take,
            closes=[pace.Close(token, 0) for token in self._slots],
            wants=[pace.HostSerial(*wake) for wake in self._wakes],
            idles=[pace.HostSerial(*idle) for idle in self._empty],
        )
        self._exchanges += 1
        call = pace.exchange(self._pace_keys, self._epoch, self._exchanges, said)
        reply = pace_replies.read_exchange(self._say(call))
        if self._wakes:
            self._say(store.woken(self._keys, self._wakes))
        self._slots, self._wakes, self._empty = [grant.token for grant in reply.grants], (), ()
        return reply.grants

    def _lease(self, hosts: list[tuple[str, int]]) -> None:
        leased = replies.read_lease(self._numbered(store.lease(self._keys, hosts, elapsed_ms=200)))
        if leased.turn and not leased.grants:
            leased = replies.read_lease(self._numbered(store.lease(self._keys, [], alone=True, elapsed_ms=0)))
        self._leases, self._wakes, self._empty = list(leased.grants), leased.wakes, leased.empty

    def _beat(self, phase: str) -> None:
        self._beats += 1
        state = json.dumps({"phase": phase})
        held = [lease.token for lease in self._leases]
        self._say(
            store.beat(
                self._keys, self._epoch, self._beats, state=state, increments={}, after_number=self._calls, held=held
            )
        )

    def _numbered(self, call: ScriptCall) -> bytes:
        self._calls += 1
        return self._say(call.numbered(self._epoch, self._calls))

    def _say(self, call: ScriptCall) -> bytes:
        try:
            reply = self._redis.eval(*call.eval_arguments())  # type: ignore[arg-type]
        except ResponseError as error:
            raise from_reply(str(error)) or error from error
        return bytes(reply)


def _id(url: str) -> str:
    return str(int.from_bytes(url.encode()[-6:], "big"))
