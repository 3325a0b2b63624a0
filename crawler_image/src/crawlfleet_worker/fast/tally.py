"""How many pages went through each fast path, and how many were left to Scrapy's code, and why?

A room says where it steps aside for something on a page (`fell_back`), with a pair that is made once; for what takes
the short way nothing is done. Pages overlap: what was said since the last page ended counts for the next one that ends.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

from crawlfleet_frontier import counters

Fallback = tuple[str, str]
"""Path (a key of ROOMS) and reason, a word."""

ODD_URL: Final = "odd_url"
"""Not plain (`fast.urls`)."""

OFF: Final = "off"
"""A setting says so."""

OTHER_SCRAPY: Final = "other_scrapy"
"""A version that it does not know."""

REPLACED: Final = "replaced"
"""What it stands for is another class, or was replaced."""

_said: Final[set[Fallback]] = set()
fell_back: Final = _said.add


class Tally:
    """The pages of one crawl."""

    def __init__(self, on: tuple[str, ...], off: Mapping[str, str]) -> None:
        """`off`: the paths that are not in place, each with the reason."""
        self.on, self.off = on, off
        self._pages = 0
        self._left: Counter[str] = Counter()
        self._why: Counter[Fallback] = Counter()
        _said.clear()

    def page(self) -> None:
        """Count a page that has been through the engine."""
        self._pages += 1
        if _said:
            self._why.update(_said)
            self._left.update({path for path, _ in _said})
            _said.clear()

    def tell(self, add: Callable[[str, int], None]) -> None:
        """Add what came since the last time to the job's counters."""
        if not self._pages:
            return
        for path in self.on:
            if fast := self._pages - self._left[path]:
                add(counters.labelled(counters.FAST_PAGES, path), fast)
        for (path, reason), pages in self._why.items():
            if path in self.on:
                add(counters.labelled(counters.FALLBACK_PAGES, f"{path}:{reason}"), pages)
        for path, reason in self.off.items():
            add(counters.labelled(counters.FALLBACK_PAGES, f"{path}:{reason}"), self._pages)
        self._pages = 0
        self._left.clear()
        self._why.clear()
