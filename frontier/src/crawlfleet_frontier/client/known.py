"""Which requests need not be pushed, because the store is known to have admitted them before? Pure.

Most links of a page stand on other pages too. What was learnt holds as long as the epoch: each id came with the reply
to a numbered call of it, and a store that has lost an admission (the tail of its file was cut) has lost every later
reply as well, which ends the epoch with `ORDER`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

MOST: Final = 50_000
"""Ids kept at least, twice as many at most: about 130 bytes each."""


@dataclass(slots=True)
class Known:
    """The ids met last: two halves, of which the older one is dropped when the younger one is full."""

    most: int = MOST
    young: set[str] = field(default_factory=set)
    """Met lately; what is not here may still be known."""
    _old: set[str] = field(default_factory=set)

    def __contains__(self, id_: str) -> bool:
        """Whether the store has admitted it; False where that is not known here."""
        if id_ in self.young:
            return True
        if id_ in self._old:
            self.learn((id_,))  # one that is met often stays
            return True
        return False

    def learn(self, ids: Iterable[str]) -> None:
        """Take in that the store has admitted these."""
        self.young.update(ids)
        if len(self.young) >= self.most:
            self._old, self.young = self.young, set()
