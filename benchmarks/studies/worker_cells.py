"""What a page costs a worker on every input with every spider but the main cell: 2,000 pages, three rounds."""

from collections.abc import Mapping
from itertools import product
from typing import Any, Final

from benchmarks.records import Evidence
from benchmarks.studies import worker
from benchmarks.worker import cells, parsing, rounds
from benchmarks.worker.inputs import INPUTS

CELLS: Final = tuple(cell for cell in cells.asked_for([]) if not cell.is_main)
ROUNDS: Final = range(1, CELLS[0].rounds + 1)
SEEDS: Final = tuple(product(CELLS, ROUNDS))


def run(number: int) -> Mapping[str, Any]:
    """Let all sides crawl the site once; in the first round of a cell, see what share of ours is parsing."""
    cell, of_round = SEEDS[number]
    with INPUTS[cell.input](cell.pages) as given:
        taken = dict(rounds.one_round(given, cell.spider, cell.sides, of_round))
        shares = {"parsing_share": parsing.share_of(given, cell.spider)} if of_round == ROUNDS[0] else {}
    sides = {side: taken[side] for side in cell.sides}
    return {"input": cell.input, "spider": cell.spider, "round": of_round, **shares, "sides": sides}


EVIDENCE: Final = Evidence(
    name="worker-cells",
    question="what does a page cost a worker on real and on large pages, with rules, sitemaps and pipelines?",
    paths=(*worker.EVIDENCE.paths, "benchmarks/studies/worker_cells.py"),
    seeds=tuple(range(len(SEEDS))),
    budget_seconds=7200.0,
    run=run,
)
"""A seed is a round of a cell."""
