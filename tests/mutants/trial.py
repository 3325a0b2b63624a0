"""Is a mutant caught? Green before, applied, red after, taken back."""

import time
from dataclasses import dataclass
from typing import Final, Protocol

from tests.mutants.patches import Mutant

SECONDS: Final = 180.0
PYTEST_GREEN: Final = 0
PYTEST_RED: Final = 1
"""A test failed. Anything above (no such test, the file cannot be imported) proves nothing about the guard."""


class Copy(Protocol):
    """What a trial needs of a tree."""

    def apply(self, change: str, *, reverse: bool = False) -> bool:
        """Apply a diff or take it back."""

    def test(self, node: str, seconds: float) -> tuple[int, str]:
        """Run a test."""


@dataclass(frozen=True)
class Trial:
    """How it went for one mutant."""

    mutant: Mutant
    result: str
    seconds: float
    details: str = ""

    @property
    def caught(self) -> bool:
        """Whether the guard is guarded."""
        return self.result == "caught"


def run(mutant: Mutant, tree: Copy) -> Trial:
    """Try one mutant; the tree is as before afterwards."""
    begin = time.monotonic()
    result, details = _try(mutant, tree)
    return Trial(mutant, result, time.monotonic() - begin, details)


def _try(mutant: Mutant, tree: Copy) -> tuple[str, str]:
    code, said = tree.test(mutant.test, SECONDS)
    if code != PYTEST_GREEN:
        return "not green before", said
    if not tree.apply(mutant.change):
        return "does not apply", ""
    try:
        code, said = tree.test(mutant.test, SECONDS)
    finally:
        tree.apply(mutant.change, reverse=True)
    if code == PYTEST_GREEN:
        return "survived", said
    return ("caught", "") if code == PYTEST_RED else ("broken, not red", said)
