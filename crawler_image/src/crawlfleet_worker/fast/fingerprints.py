"""The fingerprint of a plain GET, with the same digest; and the identity made of it, once for each URL.

Replaces: `scrapy.utils.request.fingerprint` inside the crawler's RequestFingerprinter. Most links of a page stand on
other pages too: the identities of the URLs seen last are kept (`identity_of`, which the frontier's side asks first).
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

from crawlfleet_frontier import identity
from crawlfleet_worker.fast.stock import put, require_class, require_own, require_same
from crawlfleet_worker.fast.tally import ODD_URL, fell_back

CANONICAL: Final = re.compile(
    r"https?://[a-z0-9]+(?:[.-][a-z0-9]+)*(?::(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}))?"
    r"(?:(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*+)+/?|/)(?:\?[A-Za-z0-9_.-]+=[A-Za-z0-9_.-]+)?"
)
"""A URL that `canonicalize_url` leaves as it is."""

MOST_URLS: Final = 50_000
"""Some 10 MB of them."""

_NO_GET: Final = ("FINGERPRINTS", "no_plain_get")
_ODD: Final = ("FINGERPRINTS", ODD_URL)

Fingerprint = Callable[[Request], bytes]


def install(crawler: Crawler) -> None:
    """Let the crawler's fingerprinter take plain requests itself. StepAside where it is not Scrapy's own."""
    fingerprinter = crawler.request_fingerprinter
    require_class(fingerprinter, RequestFingerprinter)
    require_own(fingerprinter, "fingerprint")
    require_same(fingerprinter, "_fingerprint", scrapys)
    put(fingerprinter, "_fingerprint", fingerprint)
    put(fingerprinter, "identity_of", Identities().of)


class Identities:
    """The identities of plain GETs by their URL."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def of(self, request: Request) -> str:
        """Return the identity of a request that the duplicate filter judges; empty where the URL is not canonical."""
        if type(request) is not Request or request.method != "GET" or request._body:
            return ""
        url = request._url
        own = self._known.get(url, "")
        if not own and CANONICAL.fullmatch(url):
            if len(self._known) >= MOST_URLS:
                self._known.clear()
            own = self._known[url] = identity.request_id(fingerprint(request))
        return own


def fingerprint(request: Request) -> bytes:
    """Return what Scrapy's own function would."""
    url, mark, _ = request.url.partition("#")
    verbatim = mark and request.meta.get("verbatim_url")
    if request.method != "GET" or request.body or verbatim or not CANONICAL.fullmatch(url):
        fell_back(_ODD if request.method == "GET" and not request.body else _NO_GET)
        return scrapys(request)
    text = f'{{"body": "", "headers": {{}}, "method": "GET", "url": "{url}"}}'
    return sha1(text.encode(), usedforsecurity=False).digest()
