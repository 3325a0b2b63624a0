"""How long does a client wait before it tries again?"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Backoff:
    """Waits that double from `first` to `longest` seconds, each shortened by chance by up to a half."""

    first: float = 0.05
    longest: float = 2.0
    chance: Callable[[], float] = random.random
    failures: int = field(default=0, init=False)

    def next(self) -> float:
        """Return the seconds to wait after one more failure."""
        wait = min(self.longest, self.first * 2 ** min(self.failures, 30))
        self.failures += 1
        return float(wait * (1 - 0.5 * self.chance()))

    def reset(self) -> None:
        """Begin again with the shortest wait: something worked."""
        self.failures = 0
