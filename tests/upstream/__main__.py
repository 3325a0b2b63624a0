"""`python -m tests.upstream`: run Scrapy's own tests with its code and with our fast paths; ours may not fail more."""

import json
import sys
from collections.abc import Mapping
from functools import partial

from crawlfleet_worker.fast.rooms import ROOMS
from tests.upstream import results, suite
from tests.upstream.exceptions import EXCEPTIONS, MOST


def main() -> int:
    """Return 0 if every test that passes with Scrapy's code passes with ours, but for the known exceptions."""
    folder = suite.cache()
    folder.mkdir(parents=True, exist_ok=True)
    interpreter = suite.python(folder)
    tests = suite.sdist(folder, interpreter)
    run = partial(suite.run, interpreter, tests, proxy=suite.mitmdump(folder, interpreter))
    stock = _told("Scrapy's code", run(folder / "stock.xml", fast=False))
    ours = _told("our fast paths", run(folder / "ours.xml", fast=True))
    used = json.loads((folder / "ours.xml.used").read_text())
    never = sorted(set(ROOMS) - set(used))
    sys.stdout.write(f"in place of Scrapy's: {_times(used)}; never: {', '.join(never) or 'none'}\n")
    worse = results.no_longer_passed(stock, ours)
    for name in worse:
        sys.stdout.write(f"no longer passes: {name}  {EXCEPTIONS.get(name, 'NOT KNOWN')}\n")
    unknown = [name for name in worse if name not in EXCEPTIONS]
    idle = sorted(set(EXCEPTIONS) - set(worse))
    sys.stdout.write(f"{len(worse)} no longer pass, {len(unknown)} of them not known; {len(idle)} exceptions idle\n")
    return 1 if unknown or idle or never or len(EXCEPTIONS) > MOST else 0


def _told(what: str, outcomes: results.Outcomes) -> results.Outcomes:
    sys.stdout.write(f"with {what}: {results.counted(outcomes)}\n")
    sys.stdout.flush()
    return outcomes


def _times(used: Mapping[str, int]) -> str:
    return ", ".join(f"{room} {times}" for room, times in used.items())


if __name__ == "__main__":
    sys.exit(main())
