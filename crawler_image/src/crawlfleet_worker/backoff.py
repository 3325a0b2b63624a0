"""How long to wait before the next try?

Doubling pauses up to a bound, with jitter so that a fleet does not come at once.
"""

import random


class Backoff:
    """Pauses in seconds: `first`, twice that, … at most `longest`, each shortened by up to a quarter."""

    def __init__(self, first: float, longest: float) -> None:
        self._first, self._longest = first, longest
        self._next = first

    def next(self) -> float:
        """Return the next pause."""
        pause, self._next = self._next, min(self._next * 2, self._longest)
        return pause * random.uniform(0.75, 1.0)  # noqa: S311 - jitter, no secret

    def reset(self) -> None:
        """Begin with `first` again: it worked."""
        self._next = self._first
