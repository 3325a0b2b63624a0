"""The pace of every host under one more fleet of real Scrapy workers, judged as in `pace`."""

from collections.abc import Mapping
from typing import Any, Final

from benchmarks.pace.cells import cell
from benchmarks.pace.load import prefer
from benchmarks.pace.measuring import measure
from benchmarks.records import Evidence
from benchmarks.studies import pace

CELLS: Final = (cell("scrapy", 8, 250, 2, seconds=60.0),)


def run(number: int) -> Mapping[str, Any]:
    """Measure one cell; whatever comes of it is kept."""
    return {"before_other_work": prefer(), **measure(CELLS[number])}


EVIDENCE: Final = Evidence(
    name="pace-scrapy",
    question="is every host's pace kept by real Scrapy workers in a cell that `pace` has not?",
    paths=(*pace.EVIDENCE.paths, "benchmarks/studies/pace_scrapy.py"),
    seeds=tuple(range(len(CELLS))),
    budget_seconds=120.0,
    run=run,
)
"""A seed is the number of a cell."""
