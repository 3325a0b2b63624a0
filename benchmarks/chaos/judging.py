"""Was anything lost, fetched too often, or made up? Pure: what was seen of one run in, the verdict out.

lost     reachable pages that were not fetched and are no dead letters. Fetched means: the site answered it with a
         page (or a redirect), and of a page the callback's item is there too
extra    paths that were asked for and that no crawl from the start leads to
repeats  requests of a path beyond the first, less those that its errors asked for
allowed  leases in flight at the faults, and what was fetched in the window of a cut file
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.chaos import graph
from benchmarks.chaos.faults.blows import Blow
from benchmarks.chaos.graph import RETRY_TIMES, Graph
from benchmarks.chaos.site import Hit

ERRORS_FROM = 500


@dataclass(frozen=True)
class Seen:
    """What is known of a run at its end."""

    graph: Graph
    hits: Sequence[Hit]
    items: Collection[str]
    """Names of the pages whose items are there."""
    letters: Mapping[str, str]
    """Names of dead letters, with their reasons."""
    blows: Sequence[Blow]
    unbalanced: int
    """Snapshots whose numbers do not add up."""
    looks: int
    complete: bool
    reported: bool
    """Whether the missing sentinel was reported."""
    remains: Mapping[str, int]
    """What the last snapshot still shows: queued, delayed, leased, seeds."""
    problems: Sequence[str] = ()
    """What went wrong beside: exit codes that no fault accounts for, a fault that was not carried out."""


@dataclass(frozen=True)
class Verdict:
    """The judgement of one run."""

    pages: int
    requests: int
    lost: int
    extra: int
    repeats: int
    allowed: int
    dead: int
    strange_dead: int
    """Dead letters that neither the site's errors nor a poison page account for."""
    unbalanced: int
    looks: int
    complete: bool
    reported: bool
    void: str
    """Why the run proves nothing; empty where it does."""
    wrong: Sequence[str] = ()
    """What is not as it has to be; empty where all is."""
    blows: Sequence[str] = ()
    examples: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def repeats_beyond(self) -> int:
        """Return how many repeats no fault accounts for."""
        return max(0, self.repeats - self.allowed)

    def counts(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {**asdict(self), "repeats_beyond": self.repeats_beyond}


def judge(seen: Seen) -> Verdict:
    """Judge one run."""
    start = graph.start_of(seen.graph)
    due = graph.reachable(seen.graph, start)
    flushed = any(blow.fault == "flushall" for blow in seen.blows)
    lost = set() if flushed else due - fetched(seen) - seen.letters.keys()
    extra = {hit.name for hit in seen.hits} - due
    again = repeats(seen)
    strange = {name for name, reason in seen.letters.items() if not _accounted(seen.graph, name, reason)}
    verdict = Verdict(
        pages=len(due),
        requests=len(seen.hits),
        lost=len(lost),
        extra=len(extra),
        repeats=sum(again.values()),
        allowed=sum(blow.held + blow.window for blow in seen.blows),
        dead=len(seen.letters),
        strange_dead=len(strange),
        unbalanced=seen.unbalanced,
        looks=seen.looks,
        complete=seen.complete,
        reported=seen.reported,
        void=_void(seen, len(due)),
        blows=[f"{blow.fault}: {blow.proof}" for blow in seen.blows],
        examples={
            "lost": sorted(lost)[:5],
            "extra": sorted(extra)[:5],
            "repeats": sorted(+again)[:5],
            "strange_dead": sorted(strange)[:5],
        },
    )
    return _with_wrongs(verdict, seen, flushed=flushed)


def fetched(seen: Seen) -> set[str]:
    """Return what was really fetched."""
    answered = {hit.name for hit in seen.hits if hit.ended_us and hit.status < ERRORS_FROM}
    return {name for name in answered if name in seen.items or (name in seen.graph and seen.graph[name].location)}


def repeats(seen: Seen) -> Counter[str]:
    """Return how often each path was asked for beyond the first time and the retries that its errors asked for."""
    asked = Counter(hit.name for hit in seen.hits)
    errors = Counter(hit.name for hit in seen.hits if hit.status >= ERRORS_FROM)
    return Counter({name: max(0, n - 1 - min(errors[name], RETRY_TIMES)) for name, n in asked.items()})


def _accounted(site: Graph, name: str, reason: str) -> bool:
    """Whether this dead letter had to be: a page that never answers, a page whose callback kills."""
    node = site.get(name)
    if node is None:
        return False
    return node.failures < 0 if reason == "Http5xx" else reason == "WorkerLost" and not node.links


def _void(seen: Seen, due: int) -> str:
    """Return why the faults prove nothing: too early, too late, nothing in flight."""
    for blow in seen.blows:
        if blow.void:
            return f"{blow.fault}: {blow.void}"
        share = len({hit.name for hit in seen.hits[: blow.hits]}) / due
        if not 0.1 <= share <= 0.9:
            return f"{blow.fault}: it struck after {share:.0%} of the pages"
    return ""


def _with_wrongs(verdict: Verdict, seen: Seen, *, flushed: bool) -> Verdict:
    found = {
        "lost": verdict.lost,
        "extra": verdict.extra,
        "repeats_beyond": 0 if flushed else verdict.repeats_beyond,
        "strange_dead": verdict.strange_dead,
        "unbalanced": verdict.unbalanced,
        "problems": [*seen.problems, *([] if seen.blows else ["no fault struck"])],
        "not complete": not seen.complete and not flushed,
        "complete though emptied": seen.complete and flushed,
        "not reported": flushed and not seen.reported,
        "reported": seen.reported and not flushed,
        "remains": {name: n for name, n in seen.remains.items() if n and not flushed},
    }
    words = [name if value is True else f"{name}: {value}" for name, value in found.items() if value]
    return Verdict(**{**_fields(verdict), "wrong": words})


def _fields(verdict: Verdict) -> dict[str, Any]:
    return {name: getattr(verdict, name) for name in verdict.__dataclass_fields__}
