"""The closing line of a run in stages: `python -m tests.closing FOLDER…` sums the junit files below the folders."""

import sys
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree


@dataclass(frozen=True)
class Totals:
    """Tests by outcome; an error in a fixture is a failure."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: "Totals") -> "Totals":
        return Totals(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    @property
    def good(self) -> bool:
        """Whether something ran and nothing failed."""
        return self.passed > 0 and not self.failed

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def read_report(file: Path) -> Totals:
    """Return the totals of one junit file."""
    suites = ElementTree.parse(file).iter("testsuite")  # noqa: S314
    return sum((_of_suite(suite.attrib) for suite in suites), Totals())


def _of_suite(numbers: dict[str, str]) -> Totals:
    tests, failures, errors, skipped = (
        int(numbers.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")
    )
    failed = failures + errors
    return Totals(max(tests - failed - skipped, 0), failed, skipped)


def total(folders: list[Path]) -> Totals:
    """Return the totals of all reports below the folders; a torn report counts as one failure."""
    totals = Totals()
    for file in sorted(file for folder in folders for file in folder.rglob("*.xml")):
        try:
            totals += read_report(file)
        except ElementTree.ParseError:
            totals += Totals(failed=1)
    return totals


def main(arguments: list[str]) -> int:
    """Print the line; exit 1 if a test failed or none ran."""
    totals = total([Path(argument) for argument in arguments])
    sys.stdout.write(f"{totals}\n")
    return 0 if totals.good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
