"""All replacements by the name of their setting."""

from collections.abc import Mapping
from typing import Final

from crawlfleet_worker.fast import signals, stats
from crawlfleet_worker.fast.switches import Install

ROOMS: Final[Mapping[str, Install]] = {
    "SIGNALS": signals.install,
    "STATS": stats.install,
}
"""`CRAWLFLEET_FAST_<NAME>` turns one of them off."""
