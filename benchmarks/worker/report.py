"""What is printed of a cell, and what of all of them stands in `benchmarks/out/worker.json`?"""

from collections.abc import Mapping
from typing import Any

from benchmarks.worker.cells import Cell
from benchmarks.worker.rounds import Figures, Table


def row(figures: Figures) -> str:
    """Return one run in a line."""
    return "   ".join(f"{name} {value:.3f}" for name, value in figures.items())


def table(figures: Table) -> str:
    """Return the medians, a figure a line; the CPU also as multiples of the floor's, where it ran."""
    lines = [_line(name, by_side) for name, by_side in figures.items()]
    cpu = figures["cpu_seconds_per_1000_pages"]
    if "floor" in cpu:
        lines.append(_line("CPU, times the floor", {side: value / cpu["floor"] for side, value in cpu.items()}))
    return "\n".join(lines)


def _line(name: str, by_side: Mapping[str, float]) -> str:
    return f"{name:<28} " + "   ".join(f"{side} {value:9.3f}" for side, value in by_side.items())


def document(
    before: Mapping[str, Any], head: Mapping[str, Any], cell: Cell, measured: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the file with one more cell in it. What was measured of other code (`code_hash`) is left out.

    The figures of generated and callbacks stand at its top, those of the others below `others`, by input and spider.
    """
    rest = dict(before) if before.get("code_hash") == head["code_hash"] else {}
    if cell.is_main:
        return {**rest, **head, **measured}
    others = {name: dict(by_spider) for name, by_spider in rest.get("others", {}).items()}
    others.setdefault(cell.input, {})[cell.spider] = dict(measured)
    return {**rest, **head, "others": others}
