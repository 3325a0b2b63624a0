"""Does a page send its reader elsewhere? Not where the word is nowhere in its beginning.

Replaces: `get_meta_refresh` in `scrapy.downloadermiddlewares.redirect`, which looks for tags in the first 4,096
characters of every page; and `urlparse_cached` there, of which only the scheme is asked for every page.
Steps aside: where the function is not Scrapy's own. For one page: where the word is there, or a `<base>`.
Holds for: Scrapy 2.19 with w3lib 2.5 (process-wide).
"""

from collections.abc import Iterable
from typing import Any, Final

import scrapy.downloadermiddlewares.redirect
from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import TextResponse
from scrapy.utils.httpobj import urlparse_cached
from scrapy.utils.response import get_meta_refresh

from crawlfleet_worker.fast.pages import LOOKED_AT, note_beginning
from crawlfleet_worker.fast.stock import put, require_same
from crawlfleet_worker.fast.tally import fell_back
from crawlfleet_worker.fast.urls import host_of

_LOOKED: Final = ("META_REFRESH", "refresh_or_base")
_stock: Final[Any] = get_meta_refresh


def install(_crawler: Crawler) -> None:
    """Let the word be looked for first. StepAside where somebody else has replaced the function."""
    redirect = scrapy.downloadermiddlewares.redirect
    if vars(redirect)["get_meta_refresh"] is not refresh_of:
        require_same(redirect, "get_meta_refresh", get_meta_refresh)
        put(redirect, "get_meta_refresh", refresh_of)
    if vars(redirect)["urlparse_cached"] is urlparse_cached:
        put(redirect, "urlparse_cached", parts_of)


class Parts:
    """A plain URL of which only the scheme was asked; the rest is there too."""

    __slots__ = ("_request", "scheme")

    def __init__(self, request: Request, scheme: str) -> None:
        self._request, self.scheme = request, scheme

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - a part of the URL
        return getattr(urlparse_cached(self._request), name)


def parts_of(request: Any) -> Any:  # noqa: ANN401 - Scrapy's own signature
    """Return the URL taken apart, as `urlparse_cached` does."""
    if type(request) is not Request or not host_of(request._url):
        return urlparse_cached(request)
    return Parts(request, "https" if request._url.startswith("https") else "http")


def refresh_of(
    response: TextResponse, ignore_tags: Iterable[str] = ("script", "noscript")
) -> tuple[None, None] | tuple[float, str]:
    """Return seconds and URL, as `scrapy.utils.response.get_meta_refresh` does."""
    begin = response.text[:LOOKED_AT].lower()
    if not note_beginning(response, begin) and "refresh" not in begin:
        return None, None
    fell_back(_LOOKED)
    found: tuple[None, None] | tuple[float, str] = _stock(response, ignore_tags)
    return found
