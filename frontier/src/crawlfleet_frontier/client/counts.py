"""What did this worker do that the stores have not been told: its counters, added up between two beats."""

import threading
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

MOST_NAMES: Final = 200
"""Counters in one beat at most."""


class Counts:
    """Counters to be added to the job's. Safe to use from any thread.

    What a beat carries is fixed until that beat is confirmed: repeated it must be the same.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._new: dict[str, int] = {}
        self._sent: Mapping[str, int] = MappingProxyType({})

    def add(self, name: str, increment: int = 1) -> None:
        """Count something; names: `crawlfleet_frontier.counters`."""
        with self._lock:
            self._new[name] = self._new.get(name, 0) + increment

    def for_beat(self) -> Mapping[str, int]:
        """Return what the next beat carries: the same until `confirm`."""
        with self._lock:
            if not self._sent and self._new:
                names = list(self._new)[:MOST_NAMES]
                self._sent = {name: self._new.pop(name) for name in names}
            return self._sent

    def confirm(self) -> None:
        """Forget what the last beat carried: the store has added it."""
        with self._lock:
            self._sent = {}

    def empty(self) -> bool:
        """Whether the store knows all."""
        with self._lock:
            return not self._new and not self._sent
