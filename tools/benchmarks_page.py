"""Which figures does docs/benchmarks.md show? What `make evidence-frontier` and `make evidence-worker` measured."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks import records
from benchmarks.worker.sides import SIDES
from tools import regions

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "docs" / "benchmarks.md"
EVIDENCE: Final = ROOT / "benchmarks" / "evidence"
FRONTIER: Final = "<!-- figures of benchmarks/evidence/frontier.json, by `make generate` -->\n"
WORKER: Final = "<!-- figures of benchmarks/evidence/worker.json, by `make generate` -->\n"
CELLS: Final = "<!-- figures of benchmarks/evidence/worker-cells.json, by `make generate` -->\n"
CPU: Final = "cpu_seconds_per_1000_pages"
WORKER_ROWS: Final = (
    ("CPU-seconds per 1,000 pages", CPU, ".2f"),
    ("pages per second", "pages_per_second", ",.0f"),
    ("peak memory, MiB", "peak_rss_mib", ".0f"),
    ("CPU-seconds of the start", "start_cpu_seconds", ".2f"),
)

Seed = Mapping[str, Any]


def outputs() -> dict[Path, str]:
    """Return the page as it should be; nothing before there is evidence."""
    page = PAGE.read_text(encoding="utf-8")
    for file, begin, figures in (
        ("frontier.json", FRONTIER, of_the_frontier),
        ("worker.json", WORKER, of_a_worker),
        ("worker-cells.json", CELLS, of_the_cells),
    ):
        if seeds := records.seeds(EVIDENCE / file):
            page = regions.replaced(page, begin, figures(seeds))
    return {PAGE: page}


def of_the_frontier(figures: Iterable[Seed]) -> str:
    """Return a line for each figure: both sides, their ratio, and the ratio of each round."""
    lines = [_frontier_line(one) for one in figures]
    head = "| figure | ours | scrapy-redis | ours / theirs | by round |\n|---|---|---|---|---|\n"
    return f"\n{head}" + "".join(lines) + "\n"


def _frontier_line(one: Seed) -> str:
    ratios = [f"{taken['ours'] / taken['scrapy_redis']:.3f}" for taken in one["rounds"]]
    words = (
        f"`{one['figure']}`",
        _three_digits(one["ours"]),
        _three_digits(one["scrapy_redis"]),
        f"{one['ours'] / one['scrapy_redis']:.3f}",
        ", ".join(ratios) if len(ratios) > 1 else "",
    )
    return "| " + " | ".join(words) + " |\n"


def _three_digits(value: float) -> str:
    return f"{value:,.3g}" if value < 100 else f"{value:,.0f}"


def of_a_worker(rounds: Sequence[Seed]) -> str:
    """Return the medians by side, and each round's ratio to scrapy-redis and to the floor."""
    sides = [side for side in SIDES if side in rounds[0]]
    head = f"| | {' | '.join(sides)} |\n|{'---|' * (len(sides) + 1)}\n"
    rows = "".join(_worker_line(rounds, sides, *row) for row in WORKER_ROWS)
    floors = [[taken[side][CPU] / taken["floor"][CPU] for taken in rounds] for side in sides]
    times = " | ".join(f"{statistics.median(each):.2f}" for each in floors)
    cheaper = ", ".join(f"{taken['scrapy_redis'][CPU] / taken['ours'][CPU]:.1f}" for taken in rounds)
    shares = ", ".join(f"{taken['floor'][CPU] / taken['vanilla'][CPU]:.2f}" for taken in rounds)
    return (
        f"\n{head}{rows}| times the floor of the same round | {times} |\n\n"
        f"By round: scrapy-redis costs {cheaper} times ours; the floor is {shares} of vanilla.\n\n"
    )


def of_the_cells(seeds: Sequence[Seed]) -> str:
    """Return a line for each input and spider: CPU by side, what the peers cost, how much of ours is parsing."""
    cells: dict[tuple[str, str], list[Seed]] = {}
    for seed in seeds:
        cells.setdefault((seed["input"], seed["spider"]), []).append(seed)
    sides = [side for side in SIDES if any(side in seed["sides"] for seed in seeds)]
    names = ["input", "spider", *sides, "scrapy-redis / ours", "ours / floor", "parsing", "on the fast paths"]
    lines = [_cell_line(*cell, of_cell, sides) for cell, of_cell in cells.items()]
    return f"\n| {' | '.join(names)} |\n|{'---|' * len(names)}\n{''.join(lines)}\n"


def _cell_line(given: str, spider: str, rounds: Sequence[Seed], sides: Sequence[str]) -> str:
    taken = [seed["sides"] for seed in rounds]
    parsing = [f"{seed['parsing_share']:.0%}" for seed in rounds if "parsing_share" in seed]
    words = (
        given,
        spider,
        *(_median(taken, side, CPU, ".2f") for side in sides),
        _ratio(taken, "scrapy_redis", "ours"),
        _ratio(taken, "ours", "floor"),
        ", ".join(parsing),
        _median(taken, "ours", "least_fast_share", ".0%"),
    )
    return "| " + " | ".join(words) + " |\n"


def _median(taken: Sequence[Seed], side: str, figure: str, form: str) -> str:
    values = [of_sides[side][figure] for of_sides in taken if side in of_sides]
    return format(statistics.median(values), form) if values else ""


def _ratio(taken: Sequence[Seed], side: str, other: str) -> str:
    """Return the median of the rounds' ratios; empty where one of the two cannot do the cell."""
    ratios = [of_sides[side][CPU] / of_sides[other][CPU] for of_sides in taken if {side, other} <= of_sides.keys()]
    return f"{statistics.median(ratios):.2f}" if ratios else ""


def _worker_line(rounds: Sequence[Seed], sides: Sequence[str], title: str, figure: str, form: str) -> str:
    values = (format(statistics.median(taken[side][figure] for taken in rounds), form) for side in sides)
    return f"| {title} | " + " | ".join(values) + " |\n"
