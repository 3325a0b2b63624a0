"""A worker as Redis sees it: takes start URLs and requests, has some in flight, counts, beats; it fetches nothing."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import redis

from crawlfleet_frontier import JobKeys, commands

START_REQUESTS = 12
"""How many requests the `start()` of a Spider-seeded job yields."""


@dataclass(frozen=True)
class Pace:
    """What a worker does in one step."""

    requests: int = 4
    """Requests taken from the queue, settled in the next step. 0: it takes nothing more and settles nothing."""
    fails: bool = False
    """Whether every request ends as a dead letter (engine Frontier)."""
    start_is_through: bool = True
    """Whether the spider's `start()` comes to its end."""


class SimulatedWorker:
    """The worker of one pod, driven step by step."""

    def __init__(self, server: Any, pod_uid: str, environment: Mapping[str, str]) -> None:
        self._redis = server
        self._keys = JobKeys(environment["CRAWLFLEET_JOB_UID"])
        seeds = json.loads(environment["CRAWLFLEET_SEEDS"])
        self._seeds_itself = seeds["type"] == "Spider"
        self._start_urls = seeds.get("key", self._keys.start_urls)
        self._worker_id = f"{pod_uid}:{uuid4().hex[:8]}"
        self._sequence = 0
        self._in_flight: list[str] = []
        self._increments: dict[str, int] = {}
        self.pace = Pace()

    def step(self) -> None:
        """Settle what was in flight, take anew, beat. Redis away: nothing, as the real one waits."""
        try:
            if self._redis.exists(self._keys.sentinel):
                self._work()
            self._beat("running")
        except redis.RedisError:
            self._redis.connection_pool.disconnect()

    def leave(self) -> None:
        """Give back what is in flight, and take the own word away: the drain of a stopped worker."""
        try:
            if self._in_flight:
                self._redis.rpush(self._keys.requests, *self._in_flight)
                self._in_flight = []
            self._beat("draining")
            self._redis.hdel(self._keys.workers, self._worker_id)
        except redis.RedisError:
            self._redis.connection_pool.disconnect()

    def die(self) -> None:
        """End without a word."""

    def _work(self) -> None:
        if self._seeds_itself and self._redis.hget(self._keys.sentinel, "seed_state") != "seeded":
            if self._seeded:
                self._redis.rpush(self._keys.requests, *(f"seed {n}" for n in range(START_REQUESTS)))
            return
        if not self.pace.requests:
            return
        self._settle()
        started = self._redis.lpop(self._start_urls, self.pace.requests) or []
        if started:
            self._redis.rpush(self._keys.requests, *started)
        self._in_flight = self._redis.lpop(self._keys.requests, self.pace.requests) or []

    @property
    def _seeded(self) -> bool:
        return self._seeds_itself and self.pace.start_is_through

    def _settle(self) -> None:
        done, self._in_flight = len(self._in_flight), []
        for name in ("requests_done", "pages:2xx", "items"):
            self._increments[name] = self._increments.get(name, 0) + done

    def _beat(self, phase: str) -> None:
        self._sequence += 1
        state = {"in_flight": len(self._in_flight), "phase": phase}
        call = commands.beat(self._keys, self._worker_id, self._sequence, state, self._increments, seeded=self._seeded)
        if self._redis.eval(*call.arguments()) == commands.BEAT_APPLIED:
            self._increments = {}
