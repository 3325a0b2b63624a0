"""All replacements by the name of their setting.

Modules by name: they import what other versions of Scrapy may not have, so they are loaded where they are on.
"""

from collections.abc import Mapping
from typing import Final

ROOMS: Final[Mapping[str, str]] = {
    "URLS": "crawlfleet_worker.fast.urls",
    "REQUESTS": "crawlfleet_worker.fast.requests",  # after the function that makes URLs safe
    "PAGES": "crawlfleet_worker.fast.pages",
    "HEADERS": "crawlfleet_worker.fast.header_names",
    "LIVE_REFS": "crawlfleet_worker.fast.live_refs",
    "SELECTORS": "crawlfleet_worker.fast.selectors",
    "EXTRACTION": "crawlfleet_worker.fast.extraction",
    "RULES": "crawlfleet_worker.fast.rules",
    "META_REFRESH": "crawlfleet_worker.fast.meta_refresh",
    "SIZES": "crawlfleet_worker.fast.sizes",
    "FINGERPRINTS": "crawlfleet_worker.fast.fingerprints",
    "SIGNALS": "crawlfleet_worker.fast.signals",
    "STATS": "crawlfleet_worker.fast.stats",
    "OFFSITE": "crawlfleet_worker.fast.offsite",
    "REFERERS": "crawlfleet_worker.fast.referers",
    "CALLBACKS": "crawlfleet_worker.fast.callbacks",
    "CHAIN": "crawlfleet_worker.fast.chain",  # after what replaces a middleware's method
    "DOWNLOADS": "crawlfleet_worker.fast.downloads",
    "SCHEDULING": "crawlfleet_worker.fast.scheduling",  # after signals and offsite
    "LOGS": "crawlfleet_worker.fast.logs",
    "PASSAGE": "crawlfleet_worker.fast.passage",
    "STEPPING": "crawlfleet_worker.fast.stepping",
    "GARBAGE": "crawlfleet_worker.fast.garbage",
    "HTTP": "crawlfleet_worker.fast.own_http",
}
"""`CRAWLFLEET_FAST_<NAME>` turns one of them off."""
