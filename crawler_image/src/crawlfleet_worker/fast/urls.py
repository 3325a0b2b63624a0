"""URLs that are plain already: quoting, joining and taking them apart would give the same.

Replaces: `safe_url_string` in `scrapy.http.request` and `urljoin` in `scrapy.http.response.text`.
Steps aside: where these are not w3lib's and the standard library's functions any more. For one URL: anything but a
plain one (http or https, a host in lower case, no user, a path of letters, digits and marks that nobody quotes).
Holds for: Scrapy 2.19 (process-wide).
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urljoin

import scrapy.http.request
import scrapy.http.response.text
from scrapy.crawler import Crawler
from w3lib.url import safe_url_string

from crawlfleet_worker.fast.stock import put, require_same
from crawlfleet_worker.fast.tally import ODD_URL, fell_back

_HOST: Final = r"[a-z0-9]+(?:[.-][a-z0-9]+)*"
_PORT: Final = r"(?::(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}))?"
_SEGMENT: Final = r"[A-Za-z0-9_~!$()*,=:@-][A-Za-z0-9._~!$()*,=:@-]*+"
_QUERY: Final = r"(?:\?[A-Za-z0-9._~!$()*,/:@=&+-]++)?"

_FRAGMENT: Final = r"#[A-Za-z0-9._~-]+"

PLAIN: Final = re.compile(rf"https?://({_HOST}){_PORT}/(?:[A-Za-z0-9._~!$()*,/:@=-]*+){_QUERY}(?:{_FRAGMENT})?")
"""A URL of which nobody quotes anything; group 1 is the host."""

CLEAN: Final = re.compile(rf"(https?://{_HOST}{_PORT})((?:/{_SEGMENT})*/)(?:{_SEGMENT})?{_QUERY}")
"""A page whose path names no `.`, `..` or empty part; group 1 is the origin, group 2 the directory."""

ROOTED: Final = re.compile(rf"(?:(?:/{_SEGMENT})+/?|/){_QUERY}(?:{_FRAGMENT})?")
"""A link that begins at the root of its server and names no `.`, `..` or empty part."""

_FIRST: Final = _SEGMENT.replace(":", "")

BESIDE: Final = re.compile(rf"((?:\.\./)*)(?:{_FIRST}(?:/{_SEGMENT})*/?{_QUERY})?(?:{_FRAGMENT})?")
"""A link to something beside the page, in its directory or one above it; group 1 says how far above."""

AWAY: Final = re.compile(rf"https?://{_HOST}{_PORT}|(?:mailto|tel|javascript):[A-Za-z0-9@._%+();:-]*")
"""A link that joining leaves as it is: a server without a path, or no page."""

ASCII_ENCODINGS: Final = frozenset({"utf-8", "utf8", "ascii", "latin-1", "iso-8859-1", "cp1252", "windows-1252"})
"""Encodings in which the characters of a plain URL are the bytes that they are in ASCII."""

CLEAN_WITH_FRAGMENT: Final = re.compile(rf"{CLEAN.pattern}(?:{_FRAGMENT})?")

KEPT: Final = 30_000
"""URLs met last: most links of a page stand on other pages too, and a request's URL is looked at several times."""

_ODD: Final = ("URLS", ODD_URL)

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
        if plain and host_of(url):
            return url
        fell_back(_ODD)
        return stock(url, encoding, *more, **named)

    return quoted


def joining(stock: Function) -> Function:
    """Return `urljoin` that puts the origin before a link that begins at the root."""

    def joined(base: Any, url: Any, allow_fragments: bool = True) -> Any:  # noqa: ANN401
        if type(url) is str and type(base) is str and allow_fragments is True:
            found = plainly_joined(base, url)
            if found:
                return found
        fell_back(_ODD)
        return stock(base, url, allow_fragments)

    return joined


def plainly_joined(base: str, url: str) -> str:
    """Return where a link of a page leads; empty where that takes more than joining the two."""
    if not url:
        return base if origin_of(base) else ""
    if url[0] == "/":
        return at_root(origin_of(base), url)
    base = base.partition("#")[0]
    if url == "#":
        return base if origin_of(base) else ""
    if ":" in url and origin_of(base) and (CLEAN_WITH_FRAGMENT.fullmatch(url) or AWAY.fullmatch(url)):
        return url
    return _beside(base, url)


@lru_cache(KEPT)
def host_of(url: str) -> str:
    """Return the host of a plain URL, with or without a fragment; empty where the URL is not plain."""
    plain = PLAIN.fullmatch(url)
    return plain[1] if plain else ""


@lru_cache(KEPT)
def origin_of(url: str) -> str:
    """Return the origin of a plain URL, with or without a fragment; empty where it is not plain."""
    return url[: url.index("/", len("https://"))] if host_of(url) else ""


@lru_cache(KEPT)
def at_root(origin: str, link: str) -> str:
    """Return where a link that begins at the root leads; empty where it, or the page (without an origin), is odd."""
    return origin + link if origin and ROOTED.fullmatch(link) else ""


def forget() -> None:
    """Look at every URL anew."""
    for kept in (host_of, origin_of, at_root):
        kept.cache_clear()


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
