"""How does a store know that a worker lives while its loop is blocked?

Beats come from a thread, over a connection of its own. A callback that computes or sleeps for half a minute stops the
loop, not the worker.
"""

import asyncio
import json
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from crawlfleet_frontier.client.blocking import run
from crawlfleet_frontier.client.counts import Counts
from crawlfleet_frontier.client.held import View
from crawlfleet_frontier.errors import Fenced, FrontierError, OutOfOrder
from crawlfleet_frontier.store import calls, replies
from crawlfleet_frontier.store.keys import StoreKeys

_T = TypeVar("_T")

MEMORY_EVERY: Final = 5
"""Beats between two looks at Redis' memory."""

LAST_BEATS: Final = 5
"""Tries to bring the counters home at the end."""


@dataclass(frozen=True, slots=True)
class Word:
    """What a beat brought back."""

    beaten: replies.Beaten
    memory_share: float | None
    """Of Redis' `maxmemory`, where it was looked at and is set."""


@dataclass(slots=True)
class Beats:
    """The beats of one epoch."""

    url: str
    keys: StoreKeys
    epoch: str
    counts: Counts
    view: Callable[[], View]
    """Which leases are held, after which call. Called from the thread, as is `state`."""
    state: Callable[[], Mapping[str, object]]
    heard: Callable[[Word], None]
    """Called on the loop after each beat, as is `fenced`."""
    fenced: Callable[[Exception], None]
    every: float = 1.0
    number: int = 1
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _over: bool = False

    def start(self) -> None:
        """Begin to beat; answers come on the running loop."""
        loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, args=(loop,), name="frontier-beats", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """Beat a last time, so that no counter is lost, and end the thread."""
        self._stop.set()
        if self._thread:
            await asyncio.to_thread(self._thread.join)

    def give_up(self) -> None:
        """End without a last beat: the epoch is over."""
        self._over = True
        self._stop.set()

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        timeout = max(0.5, self.every)
        with redis.Redis.from_url(
            self.url, protocol=2, socket_timeout=timeout, socket_connect_timeout=timeout, retry=Retry(NoBackoff(), 0)
        ) as client:
            while not self._stop.wait(self.every if self.number > 1 else 0):
                self._try(client, loop)
            for _ in range(LAST_BEATS):
                if self._over or self.counts.empty():
                    return
                self._try(client, loop)

    def _try(self, client: redis.Redis, loop: asyncio.AbstractEventLoop) -> None:
        """Beat once. Without Redis nothing is lost: the next beat carries the same again."""
        try:
            word = Word(self._beat(client), self._memory(client))
        except (Fenced, OutOfOrder) as refusal:
            self.give_up()
            self._tell(loop, self.fenced, refusal)
        except (RedisError, OSError, FrontierError):
            return
        else:
            self._tell(loop, self.heard, word)

    def _beat(self, client: redis.Redis) -> replies.Beaten:
        view = self.view()
        call = calls.beat(
            self.keys,
            self.epoch,
            self.number,
            state=json.dumps(dict(self.state())),
            increments=self.counts.for_beat(),
            after_number=view.number,
            held=view.tokens,
        )
        reply = run(client, call)
        self.counts.confirm()
        self.number += 1
        return replies.read_beat(reply)

    def _memory(self, client: redis.Redis) -> float | None:
        if self.number % MEMORY_EVERY:
            return None
        info = client.info("memory")
        return info["used_memory"] / info["maxmemory"] if info.get("maxmemory") else 0.0

    @staticmethod
    def _tell(loop: asyncio.AbstractEventLoop, listener: Callable[[_T], None], word: _T) -> None:
        with suppress(RuntimeError):  # the loop has ended: nobody wants to know any more
            loop.call_soon_threadsafe(listener, word)
