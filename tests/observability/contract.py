"""What the tables of docs/contract.md and docs/conditions.md allow in a query: metrics, labels and their values."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from crawlfleet_frontier import counters

DOCS = Path(__file__).resolve().parents[2] / "docs"
JOB_LABELS = frozenset({"namespace", "crawljob"})
HISTOGRAM_SUFFIXES = ("_bucket", "_sum", "_count")


@dataclass(frozen=True)
class Metric:
    """One row of the table of metrics, or one series name of a histogram."""

    name: str
    labels: frozenset[str]


@cache
def metrics() -> dict[str, Metric]:
    """Series name → what the contract says of it."""
    known: dict[str, Metric] = {}
    row = re.compile(r"^\| `(crawlfleet_\w+)` \| (\w+) \|([^|]*)\|", re.MULTILINE)
    for name, kind, labels in row.findall((DOCS / "contract.md").read_text()):
        own = frozenset(re.findall(r"`(\w+)`", labels))
        own |= JOB_LABELS if name.startswith("crawlfleet_crawljob_") else frozenset()
        suffixes = HISTOGRAM_SUFFIXES if kind == "histogram" else ("",)
        for suffix in suffixes:
            extra = {"le"} if suffix == "_bucket" else set()
            known[name + suffix] = Metric(name + suffix, own | extra)
    return known


@cache
def label_values() -> dict[str, frozenset[str]]:
    """Label → the values it can have, for those whose values are bounded by the contract."""
    contract, conditions = ((DOCS / name).read_text() for name in ("contract.md", "conditions.md"))
    phases = re.search(r"^Phases: (`Pending`.*)$", contract, re.MULTILINE)
    assert phases, "docs/contract.md no longer lists the phases"
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in conditions.splitlines() if line.startswith("| ")
    ]
    return {
        "phase": frozenset(re.findall(r"`(\w+)`", phases[1])),
        "kind": frozenset(counters.ERROR_KINDS),
        "status_class": frozenset(counters.STATUS_CLASSES),
        "status": frozenset({"true", "false", "unknown"}),
        "condition": frozenset(row[0] for row in rows[1:]),
        "reason": frozenset(reason for row in rows[1:] for reason in re.findall(r"[A-Z]\w+", row[2])),
    }
