"""The Referer of a link, worked out once for each page.

Replaces: `RefererMiddleware.get_processed_request` with the default policy, from one plain URL to another.
Steps aside: another class or policy, or other methods. For one request: a policy of its own (in its meta or the
page's `Referrer-Policy`), a URL that is not plain, one with a port that Scrapy would leave out, or from https to http.
Holds for: Scrapy 2.19.
"""

from collections.abc import Callable
from typing import Final
from weakref import ref

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import Headers, Response
from scrapy.spidermiddlewares.referer import DefaultReferrerPolicy, RefererMiddleware

from crawlfleet_worker.fast.stock import StepAside, put, require_defined_in, require_own
from crawlfleet_worker.fast.tally import fell_back
from crawlfleet_worker.fast.urls import ASCII_ENCODINGS, host_of, origin_of

_NOT_PLAIN: Final = ("REFERERS", "policy_or_odd_url")


def install(crawler: Crawler) -> None:
    """Let the crawler's middleware remember the page. StepAside where it is not Scrapy's own, or not in use."""
    found = [one for one in crawler.engine.scraper.spidermw.middlewares if type(one) is RefererMiddleware]
    if not found:
        raise StepAside("Scrapy's own is not in use")
    require_defined_in(DefaultReferrerPolicy.referrer, "scrapy")
    for one in found:
        require_own(one, "get_processed_request", "policy")
        if one.default_policy is not DefaultReferrerPolicy:
            raise StepAside(f"the policy is {one.default_policy.__qualname__}")
        put(one, "get_processed_request", Referers(one.get_processed_request).process)


class Referers:
    """The last page and what its links carry."""

    def __init__(self, stock: Callable[[Request, Response | None], Request | None]) -> None:
        self._stock = stock
        self._page: Callable[[], Response | None] = lambda: None
        self._scheme, self._value = "", b""

    def process(self, request: Request, response: Response | None) -> Request | None:
        """Set the header where the request has none."""
        if response is None:
            return self._stock(request, response)
        if response is not self._page():
            self._page = ref(response)
            self._scheme, self._value = of_page(response)
        meta = request._meta
        if not self._value or (meta and "referrer_policy" in meta) or not self._suits(request):
            fell_back(_NOT_PLAIN)
            return self._stock(request, response)
        dict.setdefault(request.headers, b"Referer", [self._value])
        return request

    def _suits(self, request: Request) -> bool:
        url = request.url
        headers = request.headers
        same = url.startswith("https://" if self._scheme == "https" else "http")
        usual = type(headers) is Headers and headers.encoding in ASCII_ENCODINGS
        return same and usual and bool(host_of(url))


def of_page(page: Response) -> tuple[str, bytes]:
    """Return scheme and Referer of a page; an empty one where Scrapy has to decide for each link."""
    if page.headers.get("Referrer-Policy") is not None:
        return "", b""
    origin = origin_of(page.url)
    if not origin or origin.endswith((":80", ":443")):
        return "", b""
    return origin.partition(":")[0], page.url.partition("#")[0].encode()
