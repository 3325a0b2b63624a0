"""By when does each answer have to be complete? One timer of the loop for all of them."""

import asyncio
from time import monotonic
from typing import Protocol


class Bounded(Protocol):
    """Something that may take too long."""

    def out_of_time(self) -> None:
        """Take in that its time is over."""


class Deadlines:
    """Moments (`time.monotonic`) by which things have to end."""

    def __init__(self) -> None:
        self._due: dict[Bounded, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._armed = float("inf")

    def add(self, one: Bounded, due: float) -> None:
        """Tell it when the moment has come, unless it has ended."""
        self._due[one] = due
        if due < self._armed:
            self._arm(due)

    def ended(self, one: Bounded) -> None:
        """Take in that it has ended; nothing where it never began. The timer stays, there will be more."""
        self._due.pop(one, None)

    def close(self) -> None:
        """Tell nobody any more."""
        self._due.clear()
        if self._timer is not None:
            self._timer.cancel()
        self._armed = float("inf")

    def _arm(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._armed = due
        self._timer = asyncio.get_running_loop().call_later(max(0.0, due - monotonic()), self._look)

    def _look(self) -> None:
        now, self._armed = monotonic(), float("inf")
        for one in [one for one, due in self._due.items() if due <= now]:
            del self._due[one]
            one.out_of_time()
        if self._due:
            self._arm(min(self._due.values()))
