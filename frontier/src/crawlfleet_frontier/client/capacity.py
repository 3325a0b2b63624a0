"""How many slots can this worker have in hand and still use each in its moment? Pure.

A worker whose loop is busy, or whose connections are all open, hands requests out late. It then takes fewer hosts, and
others find them: without this the first worker of a fleet would keep every host that it has slots for, however slow.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from typing import Final

LATE_SECONDS: Final = 0.03
"""Handed out later than this on average, a worker has more than it can do."""

STEP_SECONDS: Final = 0.1
"""Between two changes of its mind."""

LEAST: Final = 32
"""Slots that a worker takes however late it is, where it may have as many connections."""

LONGEST_SECONDS: Final = 1.0
"""One that was later counts as this late."""


@dataclass(slots=True)
class Capacity:
    """The bound on slots in hand: a tenth less while requests are handed out late, a little more while they are not."""

    most: int
    connections: int
    """As many may be open at once."""
    late: float = 0.0
    """A running mean, in seconds."""
    slots: float = field(init=False)
    _changed: float = -inf

    def __post_init__(self) -> None:
        """Begin with all."""
        self.slots = self.most

    def handed_out(self, late: float, now: float, in_hand: Callable[[], int]) -> None:
        """Take in by how many seconds a request, its slot and its lease there, was handed out after its moment."""
        self.late += 0.1 * (min(late, LONGEST_SECONDS) - self.late)
        if now - self._changed < STEP_SECONDS:
            return
        self._changed = now
        if self.late > LATE_SECONDS:
            self.slots = max(min(LEAST, self.connections), 0.9 * min(self.slots, in_hand()))
        else:
            self.slots = min(self.most, 1.02 * self.slots + 1)
