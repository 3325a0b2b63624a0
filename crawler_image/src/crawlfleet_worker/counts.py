"""What did this worker do since its last confirmed beat?

Increments by counter name, added in the event loop.
"""

import threading
from collections import Counter
from collections.abc import Mapping


class Counts:
    """Increments that are taken by the beat's thread, and put back where Redis did not apply them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._increments: Counter[str] = Counter()

    def add(self, name: str, amount: int = 1) -> None:
        """Count `amount` more of the counter `name` (names: `crawlfleet_frontier.counters`)."""
        with self._lock:
            self._increments[name] += amount

    def take(self) -> dict[str, int]:
        """Return all increments and start again from nothing."""
        with self._lock:
            taken, self._increments = self._increments, Counter()
        return dict(taken)

    def put_back(self, increments: Mapping[str, int]) -> None:
        """Count again what was taken and not applied."""
        with self._lock:
            self._increments.update(increments)
