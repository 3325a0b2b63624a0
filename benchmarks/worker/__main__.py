"""`python -m benchmarks.worker [--input …] [--spider …]`: the tables, and `benchmarks/out/worker.json`."""

import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from benchmarks import records
from benchmarks.worker import cells, go_peer, report, rounds
from benchmarks.worker.inputs import INPUTS
from benchmarks.worker.sides import ROOT
from demo.errors import DemoError

OUT: Final = ROOT / "benchmarks" / "out" / "worker.json"
CODE: Final = (
    "frontier/src/**/*.py",
    "frontier/src/**/*.lua",
    "crawler_image/src/**/*.py",
    "benchmarks/worker/**/*.py",
    "benchmarks/worker/colly/*",
)
FLOOR_SHARE: Final = 0.20
"""Of vanilla Scrapy's CPU: a bare loop above it is no floor."""


def main() -> None:
    """Measure, print, write each cell as soon as it is measured."""
    try:
        _measure_all(possible(cells.asked_for()))
    except DemoError as error:  # no package of documentation, or fewer pages in it
        sys.exit(f"benchmarks.worker: {error}")


def _measure_all(asked: Iterable[cells.Cell]) -> None:
    main_figures: rounds.Table = {}
    for cell in asked:
        print(f"{cell.input}, {cell.spider}: {cell.pages} pages, {cell.rounds} rounds", flush=True)
        measured = measure(cell)
        print(report.table(measured["figures"]), flush=True)
        if cell.is_whole:
            _write(OUT, cell, measured)
            main_figures = measured["figures"] if cell.is_main else main_figures
    if main_figures:
        check_floor(main_figures)


def possible(asked: list[cells.Cell]) -> list[cells.Cell]:
    """Return the cells with the sides that this machine can have; says which one it cannot."""
    if not any("colly" in cell.sides for cell in asked) or not (why := go_peer.missing()):
        return asked
    print(why, flush=True)
    return [left for cell in asked if (left := cell.without("colly")).sides]


def measure(cell: cells.Cell) -> dict[str, Any]:
    """Return the medians by figure and side, and every run of every side."""
    taken: defaultdict[str, list[rounds.Figures]] = defaultdict(list)
    with INPUTS[cell.input](cell.pages) as given:
        for number, side, figures in rounds.run(given, cell.spider, cell.sides, cell.rounds):
            taken[side].append(figures)
            print(f"round {number} {side:<14} {report.row(figures)}", flush=True)
    ordered = {side: taken[side] for side in cell.sides}
    return {"pages": cell.pages, "rounds": cell.rounds, "figures": rounds.medians(ordered), "runs": ordered}


def check_floor(figures: rounds.Table) -> None:
    """Raise AssertionError where the bare loop costs too much to be a floor."""
    cpu = figures["cpu_seconds_per_1000_pages"]
    if cpu["floor"] > FLOOR_SHARE * cpu["vanilla"]:
        raise AssertionError(f"the bare loop costs more than {FLOOR_SHARE} of vanilla Scrapy, so it is no floor: {cpu}")


def _write(file: Path, cell: cells.Cell, measured: dict[str, Any]) -> None:
    head = records.head(ROOT, CODE)
    rest = {name: value for name, value in measured.items() if name != "figures"}
    records.write(file, report.document(records.read(file), head, cell, {**measured["figures"], **rest}))
    print(f"written: {file.relative_to(ROOT)}", flush=True)


if __name__ == "__main__":
    main()
