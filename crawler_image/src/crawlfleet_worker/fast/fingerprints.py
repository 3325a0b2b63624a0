"""The fingerprint of a plain GET, with the same digest.

Replaces: `scrapy.utils.request.fingerprint` inside the crawler's RequestFingerprinter.
Steps aside: another fingerprinter, or another function in it. For one request: a method but GET, a body, or a URL that
is not canonical as it is (plain, without a query of more than one pair).
Holds for: Scrapy 2.19.
"""

import re
from collections.abc import Callable
from hashlib import sha1
from typing import Final

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.utils.request import RequestFingerprinter
from scrapy.utils.request import fingerprint as scrapys

from crawlfleet_worker.fast.stock import put, require_class, require_own, require_same

CANONICAL: Final = re.compile(
    r"https?://[a-z0-9]+(?:[.-][a-z0-9]+)*(?::(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}))?"
    r"(?:(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*+)+/?|/)(?:\?[A-Za-z0-9_.-]+=[A-Za-z0-9_.-]+)?"
)
"""A URL that `canonicalize_url` leaves as it is."""

Fingerprint = Callable[[Request], bytes]


def install(crawler: Crawler) -> None:
    """Let the crawler's fingerprinter take plain requests itself. StepAside where it is not Scrapy's own."""
    fingerprinter = crawler.request_fingerprinter
    require_class(fingerprinter, RequestFingerprinter)
    require_own(fingerprinter, "fingerprint")
    require_same(fingerprinter, "_fingerprint", scrapys)
    put(fingerprinter, "_fingerprint", fingerprint)


def fingerprint(request: Request) -> bytes:
    """Return what Scrapy's own function would."""
    url, mark, _ = request.url.partition("#")
    verbatim = mark and request.meta.get("verbatim_url")
    if request.method != "GET" or request.body or verbatim or not CANONICAL.fullmatch(url):
        return scrapys(request)
    text = f'{{"body": "", "headers": {{}}, "method": "GET", "url": "{url}"}}'
    return sha1(text.encode(), usedforsecurity=False).digest()
