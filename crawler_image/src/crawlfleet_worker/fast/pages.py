"""What each link of a page asks of the page, worked out once for all of them.

Replaces: the properties `TextResponse.encoding` and `.text`, and `get_base_url` in `scrapy.http.response.text` and
`scrapy.selector.unified`, which look through several tables of weak references each time, four times a link. The
latest page is remembered; one with a plain URL and no `<base` in its beginning is its own base.
Steps aside: where these are not Scrapy's any more. For one page: another one than the latest.
Holds for: Scrapy 2.19 (process-wide).
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final
from weakref import ref

import scrapy.http.response.text
import scrapy.selector.unified
from scrapy.crawler import Crawler
from scrapy.http import TextResponse
from scrapy.utils.response import get_base_url
from w3lib.encoding import http_content_type_encoding, read_bom

from crawlfleet_worker.fast.stock import TEXT_PAGES, StepAside, put, require_defined_in, require_same
from crawlfleet_worker.fast.tally import fell_back
from crawlfleet_worker.fast.urls import origin_of

Asked = Callable[[Any], Any]

LOOKED_AT: Final = 4_096
"""Characters, as in Scrapy."""

MOST_PAGES: Final = 500
"""Whose beginnings are remembered."""

_NOT_ITS_OWN_BASE: Final = ("PAGES", "base")
_READERS: Final = (read_bom, http_content_type_encoding)
_ASKING: Final = (scrapy.http.response.text, scrapy.selector.unified)


def install(_crawler: Crawler) -> None:
    """Let the latest page be remembered. StepAside where somebody else has replaced property or function."""
    encoding, text = _property("encoding"), _property("text")
    for module in _ASKING:
        require_same(module, "get_base_url", get_base_url)
    quick = all(getattr(scrapy.http.response.text, one.__name__, None) is one for one in _READERS)
    for name in ("_bom_encoding", "_headers_encoding", "_declared_encoding"):
        require_defined_in(getattr(TextResponse, name), "scrapy")
    put(TextResponse, "encoding", property(of_latest(declared_or(encoding) if quick else encoding)))
    put(TextResponse, "text", property(text_of(text)))
    base = of_latest(base_of)
    for module in _ASKING:
        put(module, "get_base_url", base)


def _property(name: str) -> Asked:
    """Return the function of TextResponse's property. StepAside where it is not Scrapy's own."""
    found = vars(TextResponse)[name]
    if not isinstance(found, property) or found.fget is None:
        raise StepAside(f"TextResponse.{name} was replaced")
    require_defined_in(found.fget, "scrapy")
    return found.fget


def text_of(stock: Asked) -> Asked:
    """Return the property's function, which asks for the encoding only where the text is not there yet."""

    def text(page: Any) -> str:  # noqa: ANN401 - a TextResponse
        known: str | None = page._cached_ubody
        return str(stock(page)) if known is None else known

    return text


def declared_or(stock: Asked) -> Asked:
    """Return the property's function, which asks a page's own bytes only where its head does not say the encoding."""

    def encoding_of(page: Any) -> str:  # noqa: ANN401 - a TextResponse
        if type(page) in TEXT_PAGES:
            declared = page._encoding or read_bom(page._body)[0] or _of_header(page.headers.get(b"Content-Type"))
            if declared:
                return str(declared)
        return str(stock(page))

    return encoding_of


@lru_cache(1_000)
def _of_header(content_type: bytes | None) -> str | None:
    return http_content_type_encoding(content_type.decode("latin-1")) if content_type else None


def base_of(page: Any) -> str:  # noqa: ANN401 - what the function is asked of
    """Return what the links of a page are relative to, as `scrapy.utils.response.get_base_url` does."""
    url: str = page.url
    if origin_of(url) and not has_base(page):
        return url
    fell_back(_NOT_ITS_OWN_BASE)
    return get_base_url(page)


def has_base(page: TextResponse) -> bool:
    """Whether the beginning of a page says what its links are relative to; looked for once in most pages."""
    known = _has_base.get(id(page))
    if known is not None and known[0]() is page:
        return known[1]
    return note_beginning(page, page.text[:LOOKED_AT].lower())


def note_beginning(page: TextResponse, beginning: str) -> bool:
    """Note whether a page's first LOOKED_AT characters, in lower case, have a `<base`; return it."""
    if len(_has_base) >= MOST_PAGES:
        _has_base.clear()
    found = "<base" in beginning
    _has_base[id(page)] = (ref(page), found)
    return found


_has_base: dict[int, tuple[Callable[[], object], bool]] = {}
"""By the page's address, which another page may have later."""


def of_latest(stock: Asked) -> Asked:
    """Return the function, with the answer for the latest page kept: a page is never changed."""
    latest: tuple[Callable[[], object], Any] = (lambda: None, None)

    def asked(page: Any) -> Any:  # noqa: ANN401 - what the function is asked of
        nonlocal latest
        known, answer = latest  # taken together: callbacks may use threads
        if known() is not page:
            answer = stock(page)
            latest = (ref(page), answer)
        return answer

    return asked
