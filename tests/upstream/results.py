"""What a run of tests came to, by test, and what another run of them no longer passes."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

Outcomes = Mapping[str, str]
"""`tests.test_stats.TestStatsCollector::test_collector` → passed, failed or skipped."""

_NOT_PASSED: Final = {"failure": "failed", "error": "failed", "skipped": "skipped"}


def read(junit: Path) -> Outcomes:
    """Return what became of each test; one that passed and then failed to clean up has failed."""
    found: dict[str, str] = {}
    for case in ElementTree.parse(junit).iter("testcase"):  # noqa: S314 - our own pytest wrote it
        name = f"{case.get('classname')}::{case.get('name')}"
        outcome = next((_NOT_PASSED[child.tag] for child in case if child.tag in _NOT_PASSED), "passed")
        if found.get(name) != "failed":
            found[name] = outcome
    return found


def counted(outcomes: Outcomes) -> str:
    """Return the outcomes in one line."""
    numbers = Counter(outcomes.values())
    return ", ".join(f"{numbers[word]} {word}" for word in ("passed", "failed", "skipped"))


def no_longer_passed(stock: Outcomes, ours: Outcomes) -> list[str]:
    """Return the tests that passed with Scrapy's own code and do not with ours, or were not run."""
    return sorted(name for name, outcome in stock.items() if outcome == "passed" and ours.get(name) != "passed")
