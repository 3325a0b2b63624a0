"""`python -m benchmarks.chaos [--seeds N | --seed K] [--class C] [--pages N]`: the table, and `benchmarks/out/chaos.json`."""

import argparse
import sys
from pathlib import Path
from typing import Final

from benchmarks.chaos import drawing, running
from tests.worker.worker_process import Zygote

ROOT: Final = Path(__file__).resolve().parents[2]
FAILURES: Final = ROOT / "benchmarks" / "out" / "chaos-failures"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=drawing.FULL_RUN)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--class", dest="fault", choices=drawing.CLASSES)
    parser.add_argument("--pages", type=int, default=0)
    options = parser.parse_args()
    zygote = Zygote()
    try:
        scenario = drawing.draw(options.seed, [options.fault] if options.fault else (), options.pages)
        print(scenario)
        done = running.run(scenario, zygote, FAILURES)
        for name, value in done.verdict.counts().items():
            print(f"  {name}: {value}")
        print(f"{done.seconds:.1f} s")
    finally:
        zygote.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
