"""Who waits for a slot of a certain host: requests that did not come from a lease (robots.txt, media), and suspects."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from typing import Final

from crawlfleet_frontier.client.grants import Grants
from crawlfleet_frontier.client.leases import Slot
from crawlfleet_frontier.pace.calls import MOST_ASKS, Ask

PARTLY_SECONDS: Final = 0.2
"""When to ask again for what a host did not give at once."""


class HostBlockedError(Exception):
    """The job's politeness blocks this host: nothing is sent to it."""


@dataclass(slots=True)
class Asks:
    """The waiting, by host, first come first served."""

    grants: Grants
    cede: Callable[[str, float], Slot | None] = lambda host, now: None
    """Gives a slot that was promised to a lease which nobody has taken yet: who asks is further on his way."""
    _waiting: "dict[str, deque[asyncio.Future[Slot]]]" = field(default_factory=dict)
    _ask_at: dict[str, float] = field(default_factory=dict)

    def add(self, host: str, now: float) -> "asyncio.Future[Slot]":
        """Wait for a slot of the host; the future ends with HostBlockedError where the host is blocked."""
        future: asyncio.Future[Slot] = asyncio.get_running_loop().create_future()
        slot = None if host in self._waiting else self.grants.promise(host, now) or self.cede(host, now)
        if slot is not None:  # in hand already
            future.set_result(slot)
            return future
        self._waiting.setdefault(host, deque()).append(future)
        self._ask_at.setdefault(host, now)
        return future

    def due(self) -> float:
        """When to ask next."""
        return min(self._ask_at.values(), default=inf)

    def next_asks(self, now: float) -> list[Ask]:
        """Take out what to ask for now."""
        asks: list[Ask] = []
        for host in [host for host, moment in self._ask_at.items() if moment <= now][:MOST_ASKS]:
            self._ask_at[host] = inf
            live = deque(future for future in self._waiting.get(host, ()) if not future.done())
            if live:
                self._waiting[host] = live
                asks.append(Ask(host, min(500, len(live))))
            else:
                self._forget(host)
        return asks

    def serve(self, host: str, now: float) -> None:
        """Give the host's slots to those who wait for them: free ones, and those that `cede` gives."""
        queue = self._waiting.get(host)
        while queue:
            if queue[0].done():
                queue.popleft()
                continue
            slot = self.grants.promise(host, now) or self.cede(host, now)
            if slot is None:
                return
            queue.popleft().set_result(slot)

    def serve_all(self, now: float) -> None:
        """Do so for every host: its grants may have been renewed, or free slots been promised to leases meanwhile."""
        for host in self._waiting:
            self.serve(host, now)

    def refused(self, host: str, again_ms: int, now: float) -> None:
        """Take in that the host has no slot now: ask again then; -1 is blocked."""
        if again_ms >= 0:
            self._ask_at[host] = now + again_ms / 1000
            return
        for future in self._waiting.get(host, ()):
            if not future.done():
                future.set_exception(HostBlockedError(f"{host} is blocked by the job's politeness"))
        self._forget(host)

    def answered(self, asks: list[Ask], now: float) -> None:
        """Take in that an exchange with these asks is through: who still waits without a word is asked for again."""
        for host in (ask.host for ask in asks):
            if not self._waiting.get(host):
                self._forget(host)
            elif self._ask_at.get(host) == inf:
                self._ask_at[host] = now + PARTLY_SECONDS

    def fail(self, error: Exception) -> None:
        """End all waiting with an error."""
        for future in [future for queue in self._waiting.values() for future in queue if not future.done()]:
            future.set_exception(error)
        self._waiting, self._ask_at = {}, {}

    def _forget(self, host: str) -> None:
        self._waiting.pop(host, None)
        self._ask_at.pop(host, None)
