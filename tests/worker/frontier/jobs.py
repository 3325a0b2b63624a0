"""A job with `engine: Frontier` and its workers: both stores made as the operator would make them."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from crawlfleet_frontier.calls import ScriptCall
from crawlfleet_frontier.client.blocking import run
from crawlfleet_frontier.pace import calls as pace_calls
from crawlfleet_frontier.pace import replies as pace_replies
from crawlfleet_frontier.pace.keys import PaceKeys
from crawlfleet_frontier.store import calls, replies
from crawlfleet_frontier.store.keys import StoreKeys
from tests.worker.fleet import AWAIT_SECONDS, Job, Worker, wait_until


@dataclass
class FrontierJob(Job):
    """One CrawlJob on the frontier."""

    @property
    def store(self) -> StoreKeys:
        return StoreKeys(self.uid)

    def environment(self) -> dict[str, str]:
        return super().environment() | {"CRAWLFLEET_ENGINE": "Frontier"}

    def call(self, call: ScriptCall) -> bytes:
        with self.server.client(decode_responses=False) as client:
            return run(client, call)

    def create(self, urls: Iterable[str] = (), delay_ms: int = 0, slots: int = 8, **limits: Any) -> "FrontierJob":
        state = "unseeded" if self.seeds["type"] == "Spider" else "seeded"
        self.call(calls.create(self.store, **{"seed_state": state, **limits}))
        self.policy(delay_ms, slots)
        for url in urls:
            self.client.rpush(self.seeds.get("key", self.store.seeds), url)
        return self

    def policy(self, delay_ms: int, slots: int = 1, version: str = "1", *overrides: pace_calls.Override) -> None:
        self.call(pace_calls.policy(PaceKeys(self.uid), version, delay_ms, slots, overrides))

    def kill(self, worker: Worker) -> None:
        """Kill a worker and confirm its end to the pace store, as the operator does when it sees the pod's."""
        worker.kill()
        self.call(pace_calls.confirm_dead(PaceKeys(self.uid), [f"pod-{self.workers.index(worker)}"], []))

    def look(self) -> replies.StoreSnapshot:
        return replies.read_snapshot(self.call(calls.snapshot(self.store, self.seeds.get("key", ""))))

    def slots(self) -> int:
        """Return how many slots of the pace store the workers hold."""
        return pace_replies.read_snapshot(self.call(pace_calls.pace_snapshot(PaceKeys(self.uid)))).held_slots

    def number(self, name: str) -> int:
        return self.look().number(name)

    def wait_for_counter(self, name: str, value: int) -> None:
        """Wait for the beats that bring a counter."""
        wait_until(lambda: self.look().counters.get(name, 0) >= value, lambda: f"{name}: {self.look().counters}", 10)
        assert self.look().counters.get(name, 0) == value

    def at_end(self) -> bool:
        look = self.look()
        rest = sum(map(look.number, ("queued", "delayed", "leased")))
        return not rest and look.seeds <= 0 and look.meta["seed_state"] == "seeded"

    def wait_until_end(self, seconds: float = AWAIT_SECONDS) -> replies.StoreSnapshot:
        """Wait until it is at its end, and see that it balances."""
        wait_until(self.at_end, lambda: f"the crawl ends; now {self.look()}\n{self.logs()}", seconds)
        look = self.look()
        states = sum(map(look.number, ("queued", "delayed", "leased", "done", "dead")))
        assert look.number("admitted") == states, look
        return look

    def letters(self) -> list[dict[str, str]]:
        with self.server.client(decode_responses=False) as client:
            found = client.xrange(self.store.dead)
        return [{k.decode(): v.decode(errors="replace") for k, v in fields.items()} for _, fields in found]

    def items(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.client.lrange(self.store.items, 0, -1)]
