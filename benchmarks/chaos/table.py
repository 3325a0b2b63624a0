"""What did all runs together show? Totals and a table by class. Pure.

A record is what one seed's run gave, as JSON: `faults`, `verdict` (judging.Verdict), `peer` (or None), `seconds`, and
`voids`, why it was run in vain before.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from benchmarks.chaos.drawing import CLASSES

Record = Mapping[str, Any]

TWO: Final = "two at once"
COLUMNS: Final = ("class", "runs", "of them alone", "void", "lost", "extra", "repeats", "in flight", "beyond", "wrong")
ADDED: Final = ("lost", "extra", "repeats", "allowed", "repeats_beyond")


def totals(records: Iterable[Record]) -> dict[str, Any]:
    """Return the figures of `chaos.json`: sums over all runs that are not void."""
    kept = list(records)
    runs = [record["verdict"] for record in kept if not record["verdict"]["void"]]
    peers = [record["peer"] for record in kept if record.get("peer") and not record["peer"]["void"]]
    return {
        "runs": len(runs),
        "void": len(kept) - len(runs),
        "lost": sum(run["lost"] for run in runs),
        "extra": sum(run["extra"] for run in runs),
        "repeats_beyond": sum(0 if _flushed(run) else run["repeats_beyond"] for run in runs),
        "wrong": sum(bool(run["wrong"]) for run in runs),
        "snapshots": sum(run["looks"] for run in runs),
        "unbalanced": sum(run["unbalanced"] for run in runs),
        "peer_runs": len(peers),
        "peer_lost": sum(peer["lost"] for peer in peers),
        "peer_runs_with_loss": sum(peer["lost"] > 0 for peer in peers),
    }


def is_void(found: Mapping[str, Any]) -> bool:
    """Whether the harness proves nothing: the peer came through more than half of its SIGKILLs."""
    return bool(found["peer_runs"]) and 2 * found["peer_runs_with_loss"] < found["peer_runs"]


def by_class(records: Sequence[Record]) -> str:
    """Return the table in Markdown; a run with two faults is in the rows of both, and in one of its own."""
    rows = [_row(name, [record for record in records if name in record["faults"]]) for name in CLASSES]
    rows.append(_row(TWO, [record for record in records if len(record["faults"]) > 1]))
    rows.append(_row("all", list(records)))
    return "\n".join(["| " + " | ".join(COLUMNS) + " |", "|---" * len(COLUMNS) + "|", *rows])


def peer_line(found: Mapping[str, Any]) -> str:
    """Return what the peer came to, in a sentence."""
    return (
        f"scrapy-redis in the same harness: {found['peer_runs']} SIGKILL runs, pages lost in "
        f"{found['peer_runs_with_loss']} of them, {found['peer_lost']} pages in all"
    )


def _row(name: str, records: Sequence[Record]) -> str:
    verdicts = [record["verdict"] for record in records]
    runs = [verdict for verdict in verdicts if not verdict["void"]]
    alone = sum(len(record["faults"]) == 1 and not record["verdict"]["void"] for record in records)
    sums = {key: sum(run[key] for run in runs if not _flushed(run)) for key in ADDED}
    cells = [name, len(runs), alone, len(verdicts) - len(runs), *sums.values(), sum(bool(run["wrong"]) for run in runs)]
    return "| " + " | ".join(map(str, cells)) + " |"


def _flushed(run: Mapping[str, Any]) -> bool:
    """Whether the frontier was emptied: then the question is whether that was reported, and counts mean nothing."""
    return any(blow.startswith("flushall") for blow in run["blows"])
