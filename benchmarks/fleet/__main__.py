"""`python -m benchmarks.fleet [--workers 1,2,4] [--pages 20000] [--rounds 3]`: tables, `benchmarks/out/fleet.json`."""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from benchmarks import records
from benchmarks.fleet.crew import OPEN, crawl
from benchmarks.fleet.reckoning import bound, disturbed, extrapolated, workers_of_one_redis
from benchmarks.worker import inputs, rounds
from benchmarks.worker.cells import positive
from benchmarks.worker.sides import ROOT

OUT: Final = ROOT / "benchmarks" / "out" / "fleet.json"
CODE: Final = (
    "frontier/src/**/*.py",
    "frontier/src/**/*.lua",
    "crawler_image/src/**/*.py",
    "benchmarks/worker/**/*.py",
    "benchmarks/fleet/*.py",
)
MORE: Final = (100, 1000)
"""Fleets that are reckoned, not run."""
MOST: Final = 7
"""Workers with 64 open requests each that nginx has connections for (`worker_connections 512`)."""


def main() -> None:
    """Measure, reckon, print, write."""
    options = asked_for()
    taken: defaultdict[int, list[rounds.Figures]] = defaultdict(list)
    with inputs.INPUTS["generated"](options.pages) as given:
        for number in range(1, options.rounds + 1):
            for workers in rounds.turned(options.workers, number):
                taken[workers].append(crawl(given.site, workers))
                print(f"round {number}, {workers} workers: {json.dumps(taken[workers][-1])}", flush=True)
    runs = {workers: taken[workers] for workers in options.workers}
    found = document(runs)
    print(text(found))
    head = records.head(ROOT, CODE)
    records.write(OUT, {**head, "pages": options.pages, "rounds": options.rounds, "open": OPEN, **found, "runs": runs})
    print(f"written: {OUT.relative_to(ROOT)}")


def asked_for(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return `workers`, `pages` and `rounds`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet", description=__doc__)
    parser.add_argument("--workers", type=_fleets, default=(1, 2, 4), help=f"sizes of fleets, at most {MOST} (1,2,4)")
    parser.add_argument("--pages", type=positive, default=20_000, help="of the generated site (20,000)")
    parser.add_argument("--rounds", type=positive, default=3, help="in each of which all fleets take turns (3)")
    return parser.parse_args(arguments)


def document(runs: Mapping[int, Sequence[rounds.Figures]]) -> dict[str, Any]:
    """Return medians by fleet, what bounds each, and the arithmetic from the largest one."""
    named = {str(workers): figures for workers, figures in runs.items()}
    medians = rounds.medians(named)
    fleets = {name: {figure: medians[figure][name] for figure in medians} for name in named}
    largest = fleets[str(max(runs))]
    return {
        "fleets": fleets,
        "bounded_by": {name: bound(figures, int(name)) for name, figures in fleets.items()},
        "reckoned_from": max(runs),
        "reckoned": {str(workers): extrapolated(largest, workers) for workers in MORE},
        "workers_of_one_redis": workers_of_one_redis(largest),
    }


def text(found: Mapping[str, Any]) -> str:
    """Return the tables to be printed."""
    lines = [
        *_table(found["fleets"]),
        *(f"{size} worker(s), bounded by {why}" for size, why in found["bounded_by"].items()),
        *(
            f"{size} worker(s): other work had {of['other_work']:.0%} of the machine, so these figures say little"
            for size, of in found["fleets"].items()
            if disturbed(of)
        ),
        f"Reckoned, not measured, from the fleet of {found['reckoned_from']}, with a core for each worker:",
        *_table(found["reckoned"]),
        f"One Redis is busy all of the time with {found['workers_of_one_redis']:.0f} workers.",
    ]
    return "\n".join(lines)


def _table(fleets: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    yield f"{'workers':<28}" + "".join(f"{size:>12}" for size in fleets)
    for name in next(iter(fleets.values())):
        yield f"{name:<28}" + "".join(f"{figures[name]:>12.4g}" for figures in fleets.values())


def _fleets(given: str) -> tuple[int, ...]:
    sizes = tuple(sorted({int(part) for part in given.split(",")}))
    if sizes[0] < 1 or sizes[-1] > MOST:
        raise argparse.ArgumentTypeError(f"{given}: from 1 to {MOST} workers")
    return sizes


if __name__ == "__main__":
    main()
