"""Which figures does docs/pace.md show? What `make evidence-pace` measured: the page's text, with its table put in."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks import records
from tools import regions

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "docs" / "pace.md"
FIGURES: Final = tuple(ROOT / "benchmarks" / "evidence" / name for name in ("pace.json", "pace-scrapy.json"))
BEGIN: Final = "<!-- figures of benchmarks/evidence/pace*.json, by `make generate` -->\n"
QUIET: Final = 0.8
HEAD: Final = (
    "| workers | delay, ms | open | hosts | gaps | between workers | short | over the limit | used | answered at once"
    " | busy: machine, ours | calls/s and worker |\n|" + "---|" * 12 + "\n"
)

Row = Mapping[str, Any]


def outputs() -> dict[Path, str]:
    """Return the page as it should be; nothing before there is evidence."""
    found = [row for file in FIGURES for row in records.seeds(file)]
    if not found:
        return {}
    return {PAGE: regions.replaced(PAGE.read_text(encoding="utf-8"), BEGIN, figures(found))}


def figures(rows: Iterable[Row]) -> str:
    """Return totals and tables as Markdown."""
    found = list(rows)
    parts = [_totals(found)]
    for kind, title in (("client", "Plain workers on the client"), ("scrapy", "Real Scrapy workers")):
        of_kind = [row for row in found if row["cell"]["kind"] == kind]
        parts.append(f"\n**{title}**\n\n{HEAD}" + "".join(map(_line, of_kind)))
    parts.append(_tolerance([row for row in found if row["cell"]["open_requests"] > 1]))
    return "\n" + "".join(parts) + "\n"


def _totals(rows: list[Row]) -> str:
    one = [row for row in rows if row["cell"]["open_requests"] == 1]
    scrapy = [row for row in rows if row["cell"]["kind"] == "scrapy"]
    quiet = [row for row in rows if row["cpu"]["machine"] < QUIET]
    errors = [row["judge_error"] for row in rows]
    return (
        "| | |\n|---|---|\n"
        f"| gaps judged | {_sum(rows, 'gaps'):,}, {_sum(scrapy, 'gaps'):,} of them by Scrapy workers |\n"
        f"| gaps below the delay with one open request | {_sum(one, 'short')} of {_sum(one, 'gaps'):,} |\n"
        f"| moments above the open limit | {_sum(rows, 'over_limit')} |\n"
        f"| gaps whose two requests came from different workers | {_sum(rows, 'gaps_between_workers'):,},"
        f" {_sum(one, 'gaps_between_workers'):,} of them with one open request |\n"
        f"| cells with the machine under 80 % busy | {len(quiet)} of {len(rows)}{_least(quiet)} |\n"
        f"| cells that used 95 % or more, whatever the load | {sum(row['used'] >= 0.95 for row in rows)} |\n"
        f"| the judge's error, {sum(error['probes'] for error in errors):,} probes"
        f" | a start at most {max(error['outside_of_send_max_us'] for error in errors)} µs outside of its `send`;"
        f" a gap in 99 of 100 at most {max(error['gap_error_p99_us'] for error in errors):.0f} µs |\n"
    )


def _least(rows: list[Row]) -> str:
    return f", the least share used in them {min(row['used'] for row in rows):.3f}" if rows else ""


def _line(row: Row) -> str:
    cell, at_once = row["cell"], next(iter(row["used_by_pause_ms"].values()))
    words = (
        cell["workers"],
        cell["delay_ms"],
        cell["open_requests"],
        cell["hosts"],
        f"{row['gaps']:,}",
        f"{row['gaps_between_workers']:,}",
        row["short"],
        row["over_limit"],
        f"{row['used']:.3f}",
        f"{at_once:.3f}",
        f"{row['cpu']['machine']:.0%}, {row['cpu']['ours']:.0%}".replace("%", " %"),
        f"{row['redis']['calls_per_second_and_worker']:.1f}",
    )
    return "| " + " | ".join(map(str, words)) + " |\n"


def _tolerance(rows: list[Row]) -> str:
    """Return by how much gaps fell below the delay where several requests may be open."""
    text = (
        "\n**Several open requests: by how much gaps fell below the delay**,"
        " once each host had been asked three times on average\n\n"
        "| delay, ms | gaps | by more than 1 ms | 5 ms | 20 ms | 100 ms | most, ms |\n|" + "---|" * 7 + "\n"
    )
    for delay in sorted({row["cell"]["delay_ms"] for row in rows}):
        windows = [row["in_window"] for row in rows if row["cell"]["delay_ms"] == delay]
        gaps = sum(window["gaps"] for window in windows)
        beyond = [sum(window["short_by_ms"][f"more_than_{most}"] for window in windows) for most in (1, 5, 20, 100)]
        shares = " | ".join(f"{each / max(1, gaps):.2%}".replace("%", " %") for each in beyond)
        text += f"| {delay} | {gaps:,} | {shares} | {max(window['short_by_ms']['max'] for window in windows):.0f} |\n"
    return text


def _sum(rows: Iterable[Row], name: str) -> int:
    return sum(int(row[name]) for row in rows)
