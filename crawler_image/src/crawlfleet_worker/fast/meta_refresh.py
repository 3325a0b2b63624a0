"""Does a page send its reader elsewhere? Not where the word is nowhere in its beginning.

Replaces: `get_meta_refresh` in `scrapy.downloadermiddlewares.redirect`, which looks for tags in the first 4,096
characters of every page.
Steps aside: where the function is not Scrapy's own. For one page: where the word is there, or a `<base>`.
Holds for: Scrapy 2.19 with w3lib 2.5 (process-wide).
"""

from collections.abc import Iterable
from typing import Any, Final

import scrapy.downloadermiddlewares.redirect
from scrapy.crawler import Crawler
from scrapy.http import TextResponse
from scrapy.utils.response import get_meta_refresh

from crawlfleet_worker.fast.pages import LOOKED_AT
from crawlfleet_worker.fast.stock import put, require_same

_stock: Final[Any] = get_meta_refresh


def install(_crawler: Crawler) -> None:
    """Let the word be looked for first. StepAside where somebody else has replaced the function."""
    redirect = scrapy.downloadermiddlewares.redirect
    if vars(redirect)["get_meta_refresh"] is not refresh_of:
        require_same(redirect, "get_meta_refresh", get_meta_refresh)
        put(redirect, "get_meta_refresh", refresh_of)


def refresh_of(
    response: TextResponse, ignore_tags: Iterable[str] = ("script", "noscript")
) -> tuple[None, None] | tuple[float, str]:
    """Return seconds and URL, as `scrapy.utils.response.get_meta_refresh` does."""
    begin = response.text[:LOOKED_AT].lower()
    if "refresh" not in begin and "<base" not in begin:
        return None, None
    found: tuple[None, None] | tuple[float, str] = _stock(response, ignore_tags)
    return found
