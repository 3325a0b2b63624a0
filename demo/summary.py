"""What the crawl did, for a person: numbers, workers over time, pages by host, where the results are."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from demo.judge import Verdict
from demo.watch import Sample

WIDTH = 60


def workers_over_time(history: Sequence[Sample], width: int = WIDTH) -> Iterator[str]:
    """Yield the lines of a chart: a column for each slice of time, a row for each worker."""
    if not history:
        return
    end = max(history[-1].seconds, 1e-9)
    columns = [0] * width
    for sample in history:
        column = min(int(sample.seconds / end * width), width - 1)
        columns[column] = max(columns[column], sample.ready)
    _fill_gaps(columns, history, end)
    for level in range(max([*columns, 1]), 0, -1):
        yield f"{level:>3} |" + "".join("#" if count >= level else " " for count in columns).rstrip()
    yield "  0 +" + "-" * width
    yield f"     0 s{f'{end:.0f} s':>{width - 3}}"


def _fill_gaps(columns: list[int], history: Sequence[Sample], end: float) -> None:
    hit = {min(int(sample.seconds / end * len(columns)), len(columns) - 1) for sample in history}
    for column in range(1, len(columns)):
        if column not in hit:
            columns[column] = columns[column - 1]


def lines(history: Sequence[Sample], verdict: Verdict, items: Sequence[str], out: Path) -> Iterator[str]:
    """Yield the summary; `items`: the address of each."""
    last = history[-1]
    yield ""
    yield f"pages    {verdict.fetched} fetched, {verdict.reachable} reachable by an independent count of the files"
    yield from (f"         {count:>5}  {host}" for host, count in sorted(verdict.pages_by_host.items()))
    yield f"items    {len(items)} of {len(set(items))} pages in {out / 'items.jsonl'}"
    yield f"time     {last.seconds:.0f} s from `kubectl apply` to Complete"
    yield f"workers  most {max(sample.ready for sample in history)}, now {last.ready}"
    yield f"killed   {', '.join(sample.killed for sample in history if sample.killed) or 'none'}"
    yield ""
    yield from workers_over_time(history)
    yield ""
    yield "Try next:"
    yield f"  head -3 {out / 'items.jsonl'}"
    yield "  export KUBECONFIG=.cluster/kubeconfig PATH=$PWD/.cluster/bin:$PATH"
    yield "  kubectl -n crawlfleet-demo get crawljobs -o wide"
    yield "  kubectl -n crawlfleet-demo describe crawljob docs"
    yield "  kubectl explain crawljob.spec"
    yield "  make demo-clean"
