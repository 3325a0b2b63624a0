"""`python -m benchmarks.worker [--rounds 5] [--pages 20000]`: the table, and `benchmarks/out/worker.json`."""

import argparse
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks import records
from benchmarks.worker import pages, rounds
from benchmarks.worker.sides import ROOT, SIDES
from tests.servers.site import nginx_site

OUT: Final = ROOT / "benchmarks" / "out" / "worker.json"
CODE: Final = (
    "frontier/src/**/*.py",
    "frontier/src/**/*.lua",
    "crawler_image/src/**/*.py",
    "benchmarks/worker/*.py",
)
FLOOR_SHARE: Final = 0.20
"""Of vanilla Scrapy's CPU: a bare loop above it is no floor."""


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="in each of which all sides take turns; medians count")
    parser.add_argument("--pages", type=int, default=20_000, help="of the generated site")
    parser.add_argument("--sides", default=",".join(SIDES), help="which ones; the file is written where all ran")
    options = parser.parse_args()
    sides = options.sides.split(",")
    measured = measure(options.pages, options.rounds, sides)
    _print_table(measured["figures"])
    if set(sides) == set(SIDES):
        _write(OUT, measured)
        check_floor(measured["figures"])


def measure(count: int, times: int, sides: Sequence[str] = tuple(SIDES)) -> dict[str, Any]:
    """Return the medians by figure and side, and every run of every side."""
    taken: defaultdict[str, list[rounds.Figures]] = defaultdict(list)
    with nginx_site(pages.generated(count), rounds.CONNECTIONS) as site:
        for number, side, figures in rounds.run(site, sides, times):
            taken[side].append(figures)
            print(f"round {number} {side:<14} {_row(figures)}", flush=True)
    ordered = {side: taken[side] for side in sides}
    return {"pages": count, "rounds": times, "figures": rounds.medians(ordered), "runs": ordered}


def check_floor(figures: rounds.Table) -> None:
    """Raise AssertionError where the bare loop costs too much to be a floor."""
    cpu = figures["cpu_seconds_per_1000_pages"]
    if cpu["floor"] > FLOOR_SHARE * cpu["vanilla"]:
        raise AssertionError(f"the bare loop costs more than {FLOOR_SHARE} of vanilla Scrapy, so it is no floor: {cpu}")


def _print_table(figures: rounds.Table) -> None:
    cpu = figures["cpu_seconds_per_1000_pages"]
    for name, by_side in figures.items():
        print(f"{name:<28} " + "   ".join(f"{side} {value:9.3f}" for side, value in by_side.items()))
    if "floor" in cpu:
        print(f"{'CPU, times the floor':<28} " + "   ".join(f"{side} {cpu[side] / cpu['floor']:9.2f}" for side in cpu))


def _row(figures: rounds.Figures) -> str:
    return "   ".join(f"{name} {value:.3f}" for name, value in figures.items())


def _write(file: Path, measured: dict[str, Any]) -> None:
    head = {"machine": records.machine(), "commit": records.commit(ROOT), "code_hash": records.code_hash(ROOT, CODE)}
    rest = {name: value for name, value in measured.items() if name != "figures"}
    records.write(file, {**head, **measured["figures"], **rest})
    print(f"written: {file.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
