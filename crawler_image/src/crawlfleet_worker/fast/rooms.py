"""All replacements by the name of their setting."""

from collections.abc import Mapping
from typing import Final

from crawlfleet_worker.fast import fingerprints, offsite, referers, signals, stats, urls
from crawlfleet_worker.fast.switches import Install

ROOMS: Final[Mapping[str, Install]] = {
    "URLS": urls.install,
    "FINGERPRINTS": fingerprints.install,
    "SIGNALS": signals.install,
    "STATS": stats.install,
    "OFFSITE": offsite.install,
    "REFERERS": referers.install,
}
"""`CRAWLFLEET_FAST_<NAME>` turns one of them off."""
