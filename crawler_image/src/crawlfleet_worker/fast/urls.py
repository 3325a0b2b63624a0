"""URLs that are plain already: quoting, joining and taking them apart would give the same.

Replaces: `safe_url_string` in `scrapy.http.request` and `urljoin` in `scrapy.http.response.text`.
Steps aside: where these are not w3lib's and the standard library's functions any more. For one URL: anything but a
plain one (http or https, a host in lower case, no user, a path of letters, digits and marks that nobody quotes).
Holds for: Scrapy 2.19 (process-wide).
"""

import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urljoin

import scrapy.http.request
import scrapy.http.response.text
from scrapy.crawler import Crawler
from w3lib.url import safe_url_string

from crawlfleet_worker.fast.stock import put, require_same

_HOST: Final = r"[a-z0-9]+(?:[.-][a-z0-9]+)*"
_PORT: Final = r"(?::(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}))?"
_SEGMENT: Final = r"[A-Za-z0-9_~!$()*,=:@-][A-Za-z0-9._~!$()*,=:@-]*+"
_QUERY: Final = r"(?:\?[A-Za-z0-9._~!$()*,/:@=&+-]++)?"

PLAIN: Final = re.compile(rf"(https?://({_HOST}){_PORT})/(?:[A-Za-z0-9._~!$()*,/:@=-]*+){_QUERY}")
"""Group 1 is the origin, group 2 the host."""

ROOTED: Final = re.compile(rf"(?:/{_SEGMENT})+/?{_QUERY}|/")
"""A link that begins at the root of its server and names no `.`, `..` or empty part."""

ASCII_ENCODINGS: Final = frozenset({"utf-8", "utf8", "ascii", "latin-1", "iso-8859-1", "cp1252", "windows-1252"})
"""Encodings in which the characters of a plain URL are the bytes that they are in ASCII."""

Function = Callable[..., Any]


def install(_crawler: Crawler) -> None:
    """Let plain URLs pass as they are. StepAside where somebody else has replaced the functions."""
    require_same(scrapy.http.request, "safe_url_string", safe_url_string)
    require_same(scrapy.http.response.text, "urljoin", urljoin)
    put(scrapy.http.request, "safe_url_string", quoting(safe_url_string))
    put(scrapy.http.response.text, "urljoin", joining(urljoin))


def quoting(stock: Function) -> Function:
    """Return `safe_url_string` for which a plain URL is safe."""

    def quoted(url: Any, encoding: str = "utf8", *more: Any, **named: Any) -> Any:  # noqa: ANN401
        if type(url) is str and encoding in ASCII_ENCODINGS and not more and not named and PLAIN.fullmatch(url):
            return url
        return stock(url, encoding, *more, **named)

    return quoted


def joining(stock: Function) -> Function:
    """Return `urljoin` that puts the origin before a link that begins at the root."""

    def joined(base: Any, url: Any, allow_fragments: bool = True) -> Any:  # noqa: ANN401
        if type(url) is str and type(base) is str and ROOTED.fullmatch(url):
            page = PLAIN.fullmatch(base)
            if page:
                return page[1] + url
        return stock(base, url, allow_fragments)

    return joined
