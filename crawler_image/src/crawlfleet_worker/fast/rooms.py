"""All replacements by the name of their setting."""

from collections.abc import Mapping
from typing import Final

from crawlfleet_worker.fast import chain, fingerprints, offsite, referers, signals, stats, stepping, urls
from crawlfleet_worker.fast.switches import Install

ROOMS: Final[Mapping[str, Install]] = {
    "URLS": urls.install,
    "FINGERPRINTS": fingerprints.install,
    "SIGNALS": signals.install,
    "STATS": stats.install,
    "OFFSITE": offsite.install,
    "REFERERS": referers.install,
    "CHAIN": chain.install,  # after what replaces a middleware's method
    "STEPPING": stepping.install,
}
"""`CRAWLFLEET_FAST_<NAME>` turns one of them off."""
