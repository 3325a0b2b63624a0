"""How many bytes is a request, or the line of a status? Counted, not written out.

Replaces: `request_httprepr` in `scrapy.downloadermiddlewares.stats`, which writes each request as text for its length,
and `get_status_size`, which writes the line of each status.
Steps aside: where the function is not Scrapy's own. For one request: a subclass, a URL that is not plain or whose path
begins with two slashes, headers of another class.
Holds for: Scrapy 2.19 (process-wide).
"""

from collections.abc import Sized
from functools import lru_cache
from typing import Final

import scrapy.downloadermiddlewares.stats
from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import Headers
from scrapy.utils.request import request_httprepr

from crawlfleet_worker.fast.stock import put, require_same
from crawlfleet_worker.fast.tally import fell_back
from crawlfleet_worker.fast.urls import host_of, origin_of

_ODD: Final = ("SIZES", "odd_request")
_stock_status_size: Final = scrapy.downloadermiddlewares.stats.get_status_size
_AROUND: Final = len(b"  HTTP/1.1\r\nHost: \r\n\r\n")
"""Bytes around method, path and host."""


def install(_crawler: Crawler) -> None:
    """Let lengths be counted. StepAside where somebody else has replaced the function."""
    stats = scrapy.downloadermiddlewares.stats
    if vars(stats)["request_httprepr"] is not representation:
        require_same(stats, "request_httprepr", request_httprepr)
        put(stats, "request_httprepr", representation)
    if vars(stats)["get_status_size"] is _stock_status_size:
        put(stats, "get_status_size", lru_cache(1_000)(_stock_status_size))


def representation(request: Request) -> Sized:
    """Return something as long as `scrapy.utils.request.request_httprepr`."""
    host = host_of(request._url) if type(request) is Request else ""
    headers = request._headers
    if not host or not (headers is None or type(headers) is Headers) or not request.method.isascii():
        fell_back(_ODD)
        return request_httprepr(request)
    url = request._url.partition("#")[0]
    origin = len(origin_of(url))
    if url.startswith("//", origin):
        return request_httprepr(request)
    fixed = _AROUND + len(request.method) + len(url) - origin + len(host) + len(request._body)
    return range(fixed + _length(headers) if headers else fixed)


def _length(headers: Headers) -> int:
    lines = total = 0
    for name, values in headers.items():
        lines += len(values)
        total += len(values) * len(name) + sum(map(len, values))
    return total + 4 * lines if lines else 2
