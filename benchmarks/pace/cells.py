"""Which fleets, delays and open requests are judged, over how many hosts each?"""

from dataclasses import dataclass
from itertools import product
from math import ceil
from typing import Final, Literal

Kind = Literal["client", "scrapy"]

WORKERS: Final = (1, 2, 8, 20, 50)
DELAYS_MS: Final = (50, 250, 1000)
OPEN_REQUESTS: Final = (1, 2, 4, 8)
OF_SCRAPY: Final = ((1, 50, 1), (2, 250, 1), (8, 1000, 1), (8, 250, 4), (20, 250, 1), (20, 1000, 8))

PAUSES_MS: Final = (0.0, 100.0, 100.0, 200.0)
"""How long hosts think before they answer, half as long again or half as long by chance: a fifth of them each."""
SLOW_MS: Final = 200.0
"""The last fifth, with one open request."""
MOST_HOSTS: Final = 1000
MOST_PER_SECOND: Final = 900.0
ONE_WORKER_PER_SECOND: Final = 450.0
ONE_SCRAPY_PER_SECOND: Final = 80.0
SCRAPY_PER_SECOND: Final = 220.0
SLOTS_AT_LEAST: Final = 4


@dataclass(frozen=True, slots=True)
class Cell:
    """One fleet under one rule."""

    kind: Kind
    workers: int
    delay_ms: int
    open_requests: int
    hosts: int
    seconds: float = 18.0
    """How long the share used and the load are measured, after the start."""

    @property
    def pauses_ms(self) -> tuple[float, ...]:
        """How long hosts think, in turn; with several open requests the last fifth is so slow that the limit binds."""
        slow = SLOW_MS if self.open_requests == 1 else float(self.open_requests * self.delay_ms)
        return (*PAUSES_MS, slow)

    @property
    def slots(self) -> int:
        """Connections a worker may have open: little more than its share, so that hosts go from one to another."""
        a_host = sum(_slots_in_hand(self, pause) for pause in self.pauses_ms) / len(self.pauses_ms)
        return max(SLOTS_AT_LEAST, ceil(1.25 * a_host * self.hosts / self.workers))

    @property
    def queued(self) -> int:
        """Requests of each host that lie ready: what a worker pushes may take a second to arrive."""
        return ceil(3 * 1000 / self.delay_ms) + 2 * self.open_requests + 4

    def __str__(self) -> str:
        """Name it."""
        return f"{self.workers} {self.kind}, {self.delay_ms} ms, {self.open_requests} open, {self.hosts} hosts"


def per_second(cell: Cell) -> float:
    """Return how many requests a second the pace allows over all hosts."""
    return cell.hosts * _host_rate(cell.delay_ms, cell.open_requests, cell.pauses_ms)


def cell(kind: Kind, workers: int, delay_ms: int, open_requests: int, seconds: float = 18.0) -> Cell:
    """Return a cell over as many hosts as two cores carry at well under 80 %."""
    if kind == "client":
        target = min(MOST_PER_SECOND, ONE_WORKER_PER_SECOND * workers)
    else:
        target = min(SCRAPY_PER_SECOND, ONE_SCRAPY_PER_SECOND * workers)
    one = Cell(kind, workers, delay_ms, open_requests, 1, seconds)
    return Cell(kind, workers, delay_ms, open_requests, min(MOST_HOSTS, ceil(target / per_second(one))), seconds)


def all_cells() -> list[Cell]:
    """Return the whole of the evidence."""
    clients = [cell("client", *each) for each in product(WORKERS, DELAYS_MS, OPEN_REQUESTS)]
    return clients + [cell("scrapy", *each, seconds=85.0) for each in OF_SCRAPY]


def _host_rate(delay_ms: int, open_requests: int, pauses_ms: tuple[float, ...]) -> float:
    rates = [1000 / max(delay_ms, (delay_ms + pause) / open_requests) for pause in pauses_ms]
    return sum(rates) / len(rates)


def _slots_in_hand(cell: Cell, pause: float) -> float:
    """Return how many slots of such a host workers have in hand: open ones, and those of the next second."""
    is_open = pause / max(cell.delay_ms, (cell.delay_ms + pause) / cell.open_requests)
    return 0.5 + min(cell.open_requests, is_open + 1 + 1000 / cell.delay_ms)
