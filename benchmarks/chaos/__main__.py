"""`python -m benchmarks.chaos`: seeded faults in real crawls, a table by class, and `benchmarks/out/chaos.json`.

--seeds N runs seeds 1 to N (all of them: 160), --seed K one, --class C those whose faults have this class; with --seed
and --class together the seed's crawl meets this fault alone, whatever it would have drawn. --table FILE runs nothing
and prints the table of an evidence file, finished or not.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks import records
from benchmarks.chaos import drawing, seeds, table

OUT: Final = seeds.ROOT / "benchmarks" / "out" / "chaos.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print, write; 1 where anything is wrong, or where the harness proves nothing."""
    options = _options(arguments)
    if options.table:
        return show(records.read(options.table).get("seeds", {}))
    done: dict[str, dict[str, Any]] = {}
    with seeds.zygote() as forks:
        for seed in _chosen(options):
            forced = (options.fault,) if options.seed and options.fault else ()
            done[str(seed)] = record = seeds.of_seed(seed, forks, forced, options.pages)
            print(line(seed, record), flush=True)
    return report(done)


def line(seed: int, record: table.Record) -> str:
    """Return what is said of one run."""
    verdict, peer = record["verdict"], record["peer"]
    says = f"VOID ({verdict['void']})" if verdict["void"] else "; ".join(verdict["wrong"]) or "ok"
    counts = f"{verdict['requests']} requests, {verdict['repeats']} repeats of {verdict['allowed']} in flight"
    beside = f"; scrapy-redis lost {peer['lost']}" if peer else ""
    return f"seed {seed:<4} {' + '.join(record['faults']):<36} {says}: {counts}{beside}  ({record['seconds']} s)"


def report(done: dict[str, dict[str, Any]]) -> int:
    """Print the table, write the figures; return the exit code."""
    code, found = show(done), table.totals(done.values())
    head = {"machine": records.machine(), "commit": records.commit(seeds.ROOT)}
    records.write(OUT, {**head, **found, "seeds": done})
    print(f"written: {OUT.relative_to(seeds.ROOT)}")
    return code


def show(done: dict[str, dict[str, Any]]) -> int:
    """Print the table; return the exit code."""
    found = table.totals(done.values())
    print(f"\n{table.by_class(list(done.values()))}\n\n{table.peer_line(found)}")
    if table.is_void(found):
        print("the harness is void: scrapy-redis came through more than half of its SIGKILLs", file=sys.stderr)
    return int(bool(found["wrong"]) or table.is_void(found))


def _chosen(options: argparse.Namespace) -> list[int]:
    if options.seed:
        return [options.seed]
    numbers = range(1, options.seeds + 1)
    return drawing.seeds_of(options.fault, numbers) if options.fault else list(numbers)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description=__doc__)
    parser.add_argument("--seeds", type=int, default=int(os.environ.get("SEEDS") or drawing.FULL_RUN), metavar="N")
    parser.add_argument("--seed", type=int, metavar="K")
    parser.add_argument("--class", dest="fault", choices=drawing.CLASSES, metavar="C")
    parser.add_argument(
        "--pages", type=int, default=0, help="of each site; drawn (1,500 and more) where it is not given"
    )
    parser.add_argument("--table", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    if options.seeds < 1:
        parser.error(f"--seeds (SEEDS) is {options.seeds}: at least 1")
    return options


if __name__ == "__main__":
    sys.exit(main())
