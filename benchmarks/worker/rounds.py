"""Rounds over one site, in which all sides take turns: what did each page cost, and came every page exactly once?"""

import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeVar

from benchmarks.worker.inputs import SITEMAP, Input
from benchmarks.worker.sides import measured
from tests.servers.site import Hit, NginxSite, page_path

T = TypeVar("T")
Figures = Mapping[str, float]
Table = Mapping[str, Mapping[str, float]]
"""Figure → side → value."""

APART: Final = ("/robots.txt", SITEMAP)
"""Files that are no pages: a side may fetch them."""

FEW: Final = 0.7
"""Share of the pages that every fast path is to take on every input."""

LOG_STEP_SECONDS: Final = 0.001
"""nginx dates its lines to the millisecond; a handful of pages may all be of one."""


def run(given: Input, spider: str, sides: Sequence[str], rounds: int) -> Iterator[tuple[int, str, Figures]]:
    """Yield round, side, figures. Raises AssertionError where a side fetched anything but each page once."""
    for number in range(1, rounds + 1):
        for side, figures in one_round(given, spider, sides, number):
            yield number, side, figures


def one_round(given: Input, spider: str, sides: Sequence[str], number: int) -> Iterator[tuple[str, Figures]]:
    """Yield side and figures of the round of this number."""
    for side in turned(sides, number):
        yield side, once(given.site, side, spider, given.arguments(spider))


def turned(parts: Sequence[T], number: int) -> Sequence[T]:
    """Return the parts in the order of this round: each of them is first in its turn."""
    shift = number % len(parts)
    return (*parts[shift:], *parts[:shift])


def once(
    site: NginxSite,
    side: str,
    spider: str = "callbacks",
    arguments: Mapping[str, str] | None = None,
    **environment: str,
) -> Figures:
    """Let one side crawl the site, from its page 0 unless the arguments say otherwise."""
    before = len(site.log())
    found = measured(side, spider, arguments or {"start": site.url + page_path(0)}, **environment)
    hits = fetched(side, site, before, found["items"])
    pages, seconds = len(hits), seconds_of(hits)
    return {
        "cpu_seconds_per_1000_pages": 1000 * found["cpu_seconds"] / pages,
        "pages_per_second": pages / seconds,
        "peak_rss_mib": found["peak_rss_mib"],
        "start_cpu_seconds": found["start_cpu_seconds"],
        **_least_share(side, found.get("fast_pages", {}), pages),
    }


def _least_share(side: str, fast: Mapping[str, int], pages: int) -> Figures:
    """Return the share of the pages that took the fast path which the fewest took; says which, where they are few."""
    if not fast:
        return {}
    path = min(fast, key=lambda name: fast[name])
    share = min(1.0, fast[path] / pages)
    if share < FEW:
        print(f"{side}: {share:.1%} of the pages went through {path} whole", flush=True)
    return {"least_fast_share": share}


def seconds_of(hits: Sequence[Hit]) -> float:
    """Return how long the crawl took by the site's log."""
    moments = [hit.at for hit in hits]
    return max(LOG_STEP_SECONDS, max(moments) - min(moments))


def fetched(side: str, site: NginxSite, before: int, items: int) -> list[Hit]:
    """Return the pages in the log after its first `before` lines. Raises AssertionError where it was not each once."""
    hits = [hit for hit in site.log()[before:] if not hit.path.endswith(APART)]
    _check_pages(side, hits, site, items)
    return hits


def _check_pages(side: str, hits: Sequence[Hit], site: NginxSite, items: int) -> None:
    counts = Counter(hit.path if hit.status == 200 else f"{hit.path} ({hit.status})" for hit in hits)
    wrong = {path: counts[path] for path in {*counts, *site.pages} if counts[path] != 1 or path not in site.pages}
    if wrong or items != len(site.pages):
        sample = dict(sorted(wrong.items())[:5])
        raise AssertionError(
            f"{side}: {len(wrong)} pages not fetched exactly once {sample}, {items} items of {len(site.pages)} pages"
        )


def medians(taken: Mapping[str, Sequence[Figures]]) -> Table:
    """Return the median of each figure over the rounds, by figure and side."""
    names = dict.fromkeys(name for figures in taken.values() for name in figures[0])
    return {
        name: {
            side: statistics.median(one[name] for one in figures)
            for side, figures in taken.items()
            if name in figures[0]
        }
        for name in names
    }
