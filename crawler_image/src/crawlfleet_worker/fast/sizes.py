"""How many bytes is a request? Counted, not written out.

Replaces: `request_httprepr` in `scrapy.downloadermiddlewares.stats`, which writes each request as text for its length.
Steps aside: where the function is not Scrapy's own. For one request: a subclass, a URL that is not plain or whose path
begins with two slashes, headers of another class.
Holds for: Scrapy 2.19 (process-wide).
"""

from collections.abc import Sized
from typing import Final

import scrapy.downloadermiddlewares.stats
from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import Headers
from scrapy.utils.request import request_httprepr

from crawlfleet_worker.fast.stock import put, require_same
from crawlfleet_worker.fast.urls import PLAIN_WITH_FRAGMENT

_AROUND: Final = len(b"  HTTP/1.1\r\nHost: \r\n\r\n")
"""Bytes around method, path and host."""


def install(_crawler: Crawler) -> None:
    """Let lengths be counted. StepAside where somebody else has replaced the function."""
    stats = scrapy.downloadermiddlewares.stats
    if vars(stats)["request_httprepr"] is not representation:
        require_same(stats, "request_httprepr", request_httprepr)
        put(stats, "request_httprepr", representation)


def representation(request: Request) -> Sized:
    """Return something as long as `scrapy.utils.request.request_httprepr`."""
    plain = PLAIN_WITH_FRAGMENT.fullmatch(request._url) if type(request) is Request else None
    headers = request._headers
    if plain is None or not (headers is None or type(headers) is Headers) or not request.method.isascii():
        return request_httprepr(request)
    path = len(plain[1]) - len(plain[2])
    if path > 1 and plain[1][len(plain[2]) + 1] == "/":
        return request_httprepr(request)
    fixed = _AROUND + len(request.method) + path + len(plain[3]) + len(request._body)
    return range(fixed + _length(headers) if headers else fixed)


def _length(headers: Headers) -> int:
    lines = total = 0
    for name, values in headers.items():
        lines += len(values)
        total += len(values) * len(name) + sum(map(len, values))
    return total + 4 * lines if lines else 2
