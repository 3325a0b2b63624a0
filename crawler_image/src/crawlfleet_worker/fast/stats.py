"""Statistics without a look at the name for every access.

Replaces: `StatsCollector.__getattribute__`, which for each attribute first tries another one, to warn of a `spider`
argument. The methods warn as before; the four that are called for every page look for the argument only where there
are more than they need.
Steps aside: any other class than MemoryStatsCollector, or one whose methods were replaced.
Holds for: Scrapy 2.19.
"""

from typing import Any, Final

from scrapy.crawler import Crawler
from scrapy.statscollectors import MemoryStatsCollector, StatsCollector
from scrapy.utils.decorators import _warn_spider_arg

from crawlfleet_worker.fast.stock import StepAside, require_class, require_defined_in

_WARNING: Final = ("get_value", "get_stats", "set_value", "set_stats", "inc_value", "max_value", "min_value")
_RARE: Final = ("clear_stats", "open_spider", "close_spider")


def install(crawler: Crawler) -> None:
    """Let the crawler's statistics be reached directly. StepAside where they are not Scrapy's own."""
    stats = crawler.stats
    if stats is None:
        raise StepAside("no statistics yet")
    require_class(stats, MemoryStatsCollector)
    for name in (*_WARNING, *_RARE):
        require_defined_in(getattr(MemoryStatsCollector, name), "scrapy")
    stats.__class__ = PlainStatsCollector


class PlainStatsCollector(MemoryStatsCollector):
    """Scrapy's collector, its methods wrapped once for the class."""

    __getattribute__ = object.__getattribute__

    def inc_value(self, key: str, count: int = 1, start: int = 0, *more: Any, **named: Any) -> None:  # noqa: ANN401
        """Add to a number."""
        if more or named:
            _STOCK["inc_value"](self, key, count, start, *more, **named)
        else:
            self._stats[key] = self._stats.setdefault(key, start) + count

    def get_value(self, key: str, default: Any = None, *more: Any, **named: Any) -> Any:  # noqa: ANN401
        """Return a value."""
        if more or named:
            return _STOCK["get_value"](self, key, default, *more, **named)
        return self._stats.get(key, default)

    def set_value(self, key: str, value: Any, *more: Any, **named: Any) -> None:  # noqa: ANN401
        """Set a value."""
        if more or named:
            _STOCK["set_value"](self, key, value, *more, **named)
        else:
            self._stats[key] = value

    def max_value(self, key: str, value: Any, *more: Any, **named: Any) -> None:  # noqa: ANN401
        """Raise a value."""
        if more or named:
            _STOCK["max_value"](self, key, value, *more, **named)
        else:
            self._stats[key] = max(self._stats.setdefault(key, value), value)


_STOCK: Final[dict[str, Any]] = {name: _warn_spider_arg(getattr(StatsCollector, name)) for name in (*_WARNING, *_RARE)}
for _name in _STOCK.keys() - vars(PlainStatsCollector).keys():
    setattr(PlainStatsCollector, _name, _STOCK[_name])
