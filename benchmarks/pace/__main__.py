"""`python -m benchmarks.pace --workers 8 --delay 250 --open 1 [--scrapy] [--seconds 18] [--hosts N]`: one cell."""

import argparse
import json
from dataclasses import replace

from benchmarks.pace.cells import cell
from benchmarks.pace.load import prefer
from benchmarks.pace.measuring import measure


def main() -> None:
    """Measure one cell and print its figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pace", description=__doc__)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--delay", type=int, default=250, help="ms between two requests of a host")
    parser.add_argument("--open", type=int, default=1, help="requests of a host that may be open at once")
    parser.add_argument("--hosts", type=int, default=0, help="instead of what two cores carry")
    parser.add_argument("--seconds", type=float, default=18.0, help="of the measurement, after the start")
    parser.add_argument("--scrapy", action="store_true", help="real Scrapy workers instead of plain ones")
    given = parser.parse_args()
    chosen = cell("scrapy" if given.scrapy else "client", given.workers, given.delay, given.open, given.seconds)
    if given.hosts:
        chosen = replace(chosen, hosts=given.hosts)
    prefer()
    print(chosen, flush=True)
    print(json.dumps(measure(chosen), indent=2))


if __name__ == "__main__":
    main()
