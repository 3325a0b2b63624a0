"""The tables of a Markdown page: rows as dictionaries by column, backticks taken off the cells."""

from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def table(page: str, first_column: str) -> list[dict[str, str]]:
    """Return the table whose first column has this name."""
    lines = (DOCS / page).read_text(encoding="utf-8").splitlines()
    starts = [n for n, line in enumerate(lines) if line.startswith(f"| {first_column} |")]
    if len(starts) != 1:
        raise AssertionError(f"docs/{page} has {len(starts)} tables that begin with the column {first_column!r}")
    columns = _cells(lines[starts[0]])
    rows = []
    for line in lines[starts[0] + 2 :]:
        if not line.startswith("|"):
            break
        rows.append(dict(zip(columns, _cells(line), strict=True)))
    return rows


def plain(cell: str) -> str:
    """The cell without backticks."""
    return cell.strip().strip("`")


def listed(cell: str) -> list[str]:
    """The names of a cell such as "`a`, `b`"."""
    return [plain(part) for part in cell.split(",") if part.strip()]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]
