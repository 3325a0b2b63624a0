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

_FRAGMENT: Final = r"#[A-Za-z0-9._~-]+"

PLAIN_WITH_FRAGMENT: Final = re.compile(rf"({PLAIN.pattern})(?:{_FRAGMENT})?")
"""The same, also with a fragment that nobody quotes: group 1 is what comes before it, 2 the origin, 3 the host."""

CLEAN: Final = re.compile(rf"(https?://{_HOST}{_PORT})((?:/{_SEGMENT})*/)(?:{_SEGMENT})?{_QUERY}")
"""A page whose path names no `.`, `..` or empty part; group 1 is the origin, group 2 the directory."""

ROOTED: Final = re.compile(rf"(?:(?:/{_SEGMENT})+/?|/){_QUERY}(?:{_FRAGMENT})?")
"""A link that begins at the root of its server and names no `.`, `..` or empty part."""

_FIRST: Final = _SEGMENT.replace(":", "")

BESIDE: Final = re.compile(rf"((?:\.\./)*)(?:{_FIRST}(?:/{_SEGMENT})*/?{_QUERY})?(?:{_FRAGMENT})?")
"""A link to something beside the page, in its directory or one above it; group 1 says how far above."""

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
        plain = type(url) is str and encoding in ASCII_ENCODINGS and not more and not named
        if plain and PLAIN_WITH_FRAGMENT.fullmatch(url):
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
        elif type(url) is str and type(base) is str and url and allow_fragments is True:
            return _beside(base, url) or stock(base, url)
        return stock(base, url, allow_fragments)

    return joined


def _beside(base: str, url: str) -> str:
    """Return where a link to something beside the page leads; empty where that takes more than joining the two."""
    page, link = CLEAN.fullmatch(base), BESIDE.fullmatch(url)
    if page is None or link is None:
        return ""
    if url[0] == "#":
        return base + url
    ups = len(link[1]) // 3
    parts = page[2].split("/")  # "/a/b/" is "", "a", "b", ""
    if ups > len(parts) - 2:
        return ""
    directory = "/".join(parts[: len(parts) - 1 - ups]) + "/" if ups else page[2]
    return page[1] + directory + url[3 * ups :]
