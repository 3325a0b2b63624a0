"""Which input is crawled by which spider and by which sides, how many pages of it, how often?"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from benchmarks.worker.inputs import INPUTS
from benchmarks.worker.sides import SIDES

SPIDERS: Final = ("callbacks", "rules", "sitemap", "pipelines")
MAIN: Final = ("generated", "callbacks")
"""The cell that is measured at length, and whose figures stand first in the file."""
ONLY: Final = {"floor": tuple((name, "callbacks") for name in INPUTS), "colly": (MAIN,)}
"""Sides that can do these cells and no others."""


@dataclass(frozen=True)
class Cell:
    """One input and one spider."""

    input: str
    spider: str
    pages: int
    rounds: int
    sides: tuple[str, ...]
    is_whole: bool = False
    """Whether all sides that can do it were asked to."""

    @property
    def is_main(self) -> bool:
        """Whether its figures stand first."""
        return (self.input, self.spider) == MAIN

    def without(self, side: str) -> "Cell":
        """Return the cell without a side that this machine cannot have."""
        return replace(self, sides=tuple(name for name in self.sides if name != side))


def able(given: str, spider: str, sides: Sequence[str]) -> tuple[str, ...]:
    """Return those of the sides that can do this cell."""
    return tuple(side for side in sides if (given, spider) in ONLY.get(side, ((given, spider),)))


def asked_for(arguments: Sequence[str] | None = None) -> list[Cell]:
    """Return what the command line wants to have measured; ends the program where it makes no sense."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.worker", description=__doc__)
    for option, names in (("input", tuple(INPUTS)), ("spider", SPIDERS), ("sides", tuple(SIDES))):
        known = _Names(option, names)
        parser.add_argument(f"--{option}", type=known, default=names, help=f"any of {','.join(names)} (all)")
    main = "for generated and callbacks"
    parser.add_argument("--pages", type=positive, help=f"of each input (20,000 {main}, 2,000 for the others)")
    parser.add_argument("--rounds", type=positive, help=f"in each of which all sides take turns (5 {main}, 3)")
    options = parser.parse_args(arguments)
    return list(_cells(options))


def _cells(options: argparse.Namespace) -> Iterator[Cell]:
    for given in options.input:
        for spider in options.spider:
            pages, rounds = (20_000, 5) if (given, spider) == MAIN else (2_000, 3)
            if sides := able(given, spider, options.sides):
                is_whole = sides == able(given, spider, tuple(SIDES))
                yield Cell(given, spider, options.pages or pages, options.rounds or rounds, sides, is_whole)


def positive(text: str) -> int:
    """Read a number of at least 1 from the command line."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"at least 1, not {number}")
    return number


class _Names:
    """Reads names between commas; in the order in which they are known."""

    def __init__(self, option: str, known: Sequence[str]) -> None:
        self._option, self._known = option, known

    def __call__(self, text: str) -> tuple[str, ...]:
        given = set(text.split(","))
        if unknown := given - set(self._known):
            wrong = ", ".join(sorted(unknown))
            raise argparse.ArgumentTypeError(f"no such {self._option}: {wrong}; there is {', '.join(self._known)}")
        return tuple(name for name in self._known if name in given)
