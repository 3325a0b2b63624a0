"""The links of a page, found by lxml's own search and joined as plain URLs; each URL judged once by an extractor.

Replaces: `LxmlParserLinkExtractor._extract_links`, which asks a Python function for the name of every element and
attribute of the page, and `LxmlLinkExtractor._process_links`, which takes every URL apart.
Steps aside: where these are not Scrapy's any more. For one page: an extractor of every tag or attribute ("*"), or that
was given functions; an odd encoding; rules about a link's text. For one link: a URL that is not plain.
Differs: a link's text is a plain string, not lxml's, which keeps the page alive.
Holds for: Scrapy 2.19 (process-wide).
"""

from collections.abc import Iterator
from functools import partial
from typing import Any, Final
from urllib.parse import urljoin
from weakref import WeakKeyDictionary

import scrapy.linkextractors.lxmlhtml as stocks
from lxml import html
from scrapy.crawler import Crawler
from scrapy.link import Link
from scrapy.linkextractors.lxmlhtml import LxmlLinkExtractor, LxmlParserLinkExtractor
from scrapy.utils.misc import rel_has_nofollow
from w3lib.html import strip_html5_whitespace
from w3lib.url import safe_url_string

from crawlfleet_worker.fast.stock import put, require_defined_in, require_same
from crawlfleet_worker.fast.tally import fell_back
from crawlfleet_worker.fast.urls import ASCII_ENCODINGS, plainly_joined

MOST_URLS: Final = 20_000
"""Judged by one extractor and remembered."""

_ODD_EXTRACTOR: Final = ("EXTRACTION", "odd_extractor")
_ODD_URL: Final = ("EXTRACTION", "odd_url")
_stock_extract: Final = LxmlParserLinkExtractor._extract_links
_stock_process: Final = LxmlLinkExtractor._process_links
_string: Final = stocks._collect_string_content
_FUNCTIONS: Final = (
    (stocks, "urljoin", urljoin),
    (stocks, "safe_url_string", safe_url_string),
    (stocks, "rel_has_nofollow", rel_has_nofollow),
    (stocks, "strip_html5_whitespace", strip_html5_whitespace),
)
_RULES: Final = ("allow_res", "deny_res", "allow_domains", "deny_domains", "deny_extensions")


def install(_crawler: Crawler) -> None:
    """Let links be extracted the short way. StepAside where somebody else has replaced a method or function."""
    if LxmlParserLinkExtractor._extract_links is extract:
        return
    for owner, name in (
        (LxmlParserLinkExtractor, "_extract_links"),
        (LxmlParserLinkExtractor, "_iter_links"),
        (LxmlLinkExtractor, "_link_allowed"),
        (LxmlLinkExtractor, "_process_links"),
    ):
        require_defined_in(getattr(owner, name), "scrapy")
    for module, name, function in _FUNCTIONS:
        require_same(module, name, function)
    put(LxmlParserLinkExtractor, "_extract_links", extract)
    put(LxmlLinkExtractor, "_process_links", processed)


def extract(self: Any, selector: Any, response_url: str, response_encoding: str, base_url: str) -> list[Link]:  # noqa: ANN401
    """Return the links of a page, as `LxmlParserLinkExtractor._extract_links` does."""
    names = _names(self.scan_tag), _names(self.scan_attr)
    if (
        names[0] is None
        or names[1] is None
        or type(self) is not LxmlParserLinkExtractor
        or self.process_attr is not stocks._identity
        or response_encoding not in ASCII_ENCODINGS
        or not isinstance(selector.root, html.HtmlElement)
    ):
        fell_back(_ODD_EXTRACTOR)
        return _stock_extract(self, selector, response_url, response_encoding, base_url)
    links = []
    for element, value in _values(selector.root, names[0], names[1]):
        stripped = strip_html5_whitespace(value) if self.strip else value
        url = plainly_joined(base_url, stripped) or _oddly_joined(base_url, stripped, response_url, response_encoding)
        if url is not None:
            text = (element.text or "") if len(element) == 0 else str(_string(element))
            links.append(Link(url, text, nofollow=rel_has_nofollow(element.get("rel"))))
    found: list[Link] = self._deduplicate_if_needed(links)
    return found


def _names(scan: Any) -> frozenset[str] | None:  # noqa: ANN401 - what an extractor was given
    """Return which names an extractor takes; None where it may take any."""
    if type(scan) is not partial or scan.func is not stocks._name_matches or scan.keywords:
        return None
    wanted, denied = scan.args
    return None if "*" in wanted else frozenset(wanted) - frozenset(denied)


def _values(root: Any, tags: frozenset[str], names: frozenset[str]) -> Iterator[tuple[Any, str]]:  # noqa: ANN401
    """Yield the attributes in the order of the page."""
    if not tags or not names:
        return
    wanted = [form for tag in tags for form in (tag, f"{{{stocks.XHTML_NAMESPACE}}}{tag}")]
    one = next(iter(names)) if len(names) == 1 else None
    for element in root.iter(*wanted):
        if one is not None:
            value = element.get(one)
            if value is not None:
                yield element, value
        else:
            for name, value in element.attrib.items():
                if name in names:
                    yield element, value


def _oddly_joined(base_url: str, value: str, response_url: str, encoding: str) -> str | None:
    """Return what Scrapy makes of a link; None where it leaves it out."""
    fell_back(_ODD_URL)
    try:
        url = safe_url_string(urljoin(base_url, value), encoding=encoding)
    except ValueError:
        return None
    return urljoin(response_url, url)


def processed(self: Any, links: list[Link]) -> list[Link]:  # noqa: ANN401 - an extractor
    """Return the links that the extractor takes, as `LxmlLinkExtractor._process_links` does."""
    if self.restrict_text or type(self) is not LxmlLinkExtractor or "_link_allowed" in vars(self):
        fell_back(_ODD_EXTRACTOR)
        return _stock_process(self, links)
    judged, taken = _verdicts(self), []
    for link in links:
        verdict = judged.get(link.url)
        if verdict is None:
            verdict = judged[link.url] = self._link_allowed(link)
        if verdict:
            taken.append(link)
    if self.canonicalize:
        for link in taken:
            link.url = vars(stocks)["canonicalize_url"](link.url)
    found: list[Link] = self.link_extractor._process_links(taken)
    return found


def _verdicts(extractor: Any) -> dict[str, bool]:  # noqa: ANN401
    """Return what the extractor's rules, as they are now, have said of each URL."""
    rules = [getattr(extractor, name) for name in _RULES]
    known = _judged.get(extractor)
    if known is None or known[0] != rules or len(known[1]) >= MOST_URLS:
        known = _judged[extractor] = ([rule.copy() for rule in rules], {})
    return known[1]


_judged: "WeakKeyDictionary[Any, tuple[list[Any], dict[str, bool]]]" = WeakKeyDictionary()
"""Extractor → its rules as they were, and what they said of each URL."""
