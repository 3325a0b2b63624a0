"""The names in a job's counters hash. Workers add to them, the operator reads them; none ever falls.

Labelled counters are `<family>:<label value>`, so that one HGETALL is the whole truth.
"""

from typing import Final

REQUESTS_DONE: Final = "requests_done"
"""Requests that left a worker's engine for good: downloaded or failed, callback and pipelines ended."""

ITEMS: Final = "items"
ITEMS_DROPPED: Final = "items_dropped"
RESPONSE_BYTES: Final = "response_bytes"
"""Bytes of response bodies as they came over the wire, before decompression."""

PAGES: Final = "pages"
"""Family by status class (`pages:2xx`): responses that arrived, retries and redirects each counted."""

ERRORS: Final = "errors"
"""Family by kind (`errors:timeout`), the kinds being ERROR_KINDS."""

KNOWN: Final = "known"
"""Counted by the frontier's scripts: requests that were met before."""
LOSSES: Final = "losses"
"""Requests that were with a worker that was lost."""
EXPIRED: Final = "expired"
"""Requests that a worker gave up after their maximum age."""
LEFT_OUT: Final = "left_out"
"""Family by reason (`left_out:host_cap`): requests that were not admitted."""

FAST_PAGES: Final = "fast_pages"
"""Family by fast path (`fast_pages:CHAIN`): pages that went through it whole."""

FALLBACK_PAGES: Final = "fallback_pages"
"""Family by fast path and reason (`fallback_pages:URLS:odd_url`): pages with something left to Scrapy's own code."""

STATUS_CLASSES: Final = ("1xx", "2xx", "3xx", "4xx", "5xx", "other")

ERROR_KINDS: Final = (
    "http_4xx",
    "http_5xx",
    "timeout",
    "dns",
    "connection",
    "tls",
    "download",
    "spider",
    "pipeline",
)
"""`download`: any other exception of the downloader; `spider`: a callback raised; `pipeline`: a pipeline raised."""


def labelled(family: str, label: str) -> str:
    """Return the field of one label value of a family: `labelled(PAGES, "2xx")` is `pages:2xx`."""
    return f"{family}:{label}"
