"""What did the server see? Its log: one row for each request, all times in µs of CLOCK_MONOTONIC."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

STILL_OPEN: Final = -1
"""The end of a request that was not answered when the log was written."""
COLUMNS: Final = 5


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request."""

    host: int
    started: int
    """When the kernel received it."""
    seen: int
    """When the server's own code had it in hand."""
    worker: int
    """Who sent it."""
    ended: int
    """When its answer was about to be written, or its connection was lost; STILL_OPEN."""


class Log:
    """The rows as they are collected: a flat array, so that a row costs little."""

    def __init__(self) -> None:
        self._cells = array("q")

    def begin(self, host: int, started: int, seen: int, worker: int) -> int:
        """Add a row; return what `end` wants."""
        place = len(self._cells)
        self._cells.extend((host, started, seen, worker, STILL_OPEN))
        return place

    def end(self, place: int, ended: int) -> None:
        """Note the end of a row, once."""
        if self._cells[place + COLUMNS - 1] == STILL_OPEN:
            self._cells[place + COLUMNS - 1] = ended

    def write(self, file: Path) -> None:
        """Write all rows."""
        with file.open("wb") as out:
            self._cells.tofile(out)


def read(file: Path) -> Iterator[Arrival]:
    """Yield the rows of a file, in the order of their coming in."""
    cells = array("q")
    cells.frombytes(file.read_bytes())
    for first in range(0, len(cells), COLUMNS):
        yield Arrival(*cells[first : first + COLUMNS])
