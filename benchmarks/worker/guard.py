"""Does a page cost a worker more calls of Python functions than it did? `python -m benchmarks.worker.guard [--write]`.

Counted over 1,500 pages of the generated site, when the crawl is in full swing; two runs differ by less than 1 %. The
numbers to hold against are in `calls.json`; `--write` puts new ones there. They hold for one minor version of Python.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from benchmarks.worker import counting, watched

PAGES: Final = 2_600
KNOWN: Final = Path(__file__).with_name("calls.json")
MOST: Final = 1.05
"""Times what is known: from here on it is a regression."""
ONCE: Final = "crawlfleet_frontier.lua"
"""Scripts are put together once a process, whenever the first of them is sent."""
PYTHON: Final = f"{sys.version_info.major}.{sys.version_info.minor}"

PerPage = Mapping[str, float]
"""Package → calls of its functions for each page."""


def counted() -> PerPage:
    """Crawl once and count."""
    return per_page(json.loads(watched.written("benchmarks.worker.counted", counting.CALLS_FILE, "ours", PAGES)))


def per_page(calls: Mapping[str, int]) -> PerPage:
    """Return the calls by package, most first."""
    found: Counter[str] = Counter()
    for function, times in calls.items():
        if not function.startswith(ONCE):
            found[package(function)] += times
    return {name: times / (counting.LAST - counting.FIRST) for name, times in found.most_common()}


def package(function: str) -> str:
    """Return whose function it is: our rooms by their second name, others by their first."""
    parts = function.partition(":")[0].split(".")
    return ".".join(parts[: 2 if parts[0].startswith("crawlfleet") else 1])


def verdict(now: PerPage, known: PerPage) -> tuple[float, list[str]]:
    """Return the calls as a share of the known ones, and a line for each package that differs by a call or more."""
    lines = [
        f"{name:<32} {known.get(name, 0.0):8.1f} → {now.get(name, 0.0):8.1f}"
        for name in sorted({*now, *known})
        if abs(now.get(name, 0.0) - known.get(name, 0.0)) >= 1
    ]
    return sum(now.values()) / sum(known.values()), lines


def main() -> int:
    """Count and compare, or write; 1 where it costs more than it did."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.worker.guard", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"put what is counted into {KNOWN.name}")
    given = parser.parse_args()
    now = counted()
    print(f"{sum(now.values()):.0f} calls a page")
    if given.write:
        rounded = {name: round(times, 1) for name, times in now.items() if times >= 0.1}
        KNOWN.write_text(json.dumps({"python": PYTHON, "calls_per_page": rounded}, indent=2) + "\n")
        return 0
    share, lines = verdict(now, json.loads(KNOWN.read_text())["calls_per_page"])
    print(*lines, f"{share:.3f} of what is known", sep="\n")
    return 1 if share > MOST else 0


if __name__ == "__main__":
    sys.exit(main())
