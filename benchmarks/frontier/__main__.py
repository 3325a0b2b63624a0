"""`python -m benchmarks.frontier [--rounds 5] [--quick]`: the table, and `benchmarks/out/frontier.json`."""

import argparse
from pathlib import Path
from typing import Final

from benchmarks import records
from benchmarks.frontier.figures import Pair
from benchmarks.frontier.measuring import ROUNDS, all_figures, far_to_near, measured

ROOT: Final = Path(__file__).resolve().parents[2]
OUT: Final = ROOT / "benchmarks" / "out" / "frontier.json"
CODE: Final = ("frontier/src/**/*.py", "frontier/src/**/*.lua", "benchmarks/frontier/*.py")


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.frontier", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of each timed figure; the median counts")
    parser.add_argument("--quick", action="store_true", help="without 10 million ids, and 100,000 hosts for a million")
    options = parser.parse_args()
    pairs: dict[str, Pair] = {}
    for figure in all_figures(options.rounds, quick=options.quick):
        taken = measured(figure)
        pairs[figure.name] = {side: taken[side] for side in ("ours", "scrapy_redis")}
        print(f"{_row(figure.name, pairs[figure.name])}   ({taken['seconds']:.0f} s)", flush=True)
    pairs["throughput_at_1ms_ratio"] = far_to_near(pairs)
    print(_row("throughput_at_1ms_ratio", pairs["throughput_at_1ms_ratio"]))
    records.write(OUT, {**records.head(ROOT, CODE), "rounds": options.rounds, **pairs})
    print(f"written: {OUT.relative_to(ROOT)}")


def _row(name: str, pair: Pair) -> str:
    ours, peer = pair["ours"], pair["scrapy_redis"]
    return f"{name:<44} ours {ours:10.3f}   scrapy-redis {peer:10.3f}   ratio {ours / peer:.3f}"


if __name__ == "__main__":
    main()
