"""A request with a plain URL, made in one step.

Replaces: `Request.__init__`, which asks six other functions for what a plain URL without a body needs none of, and
`TextResponse.follow` for a link that is a string, which hands thirteen arguments on twice.
Steps aside: where these, or the function that makes URLs safe, are not Scrapy's any more. For one request: a subclass,
a body, a URL that is not plain, arguments of other types than usual. For one link: what is no string.
Holds for: Scrapy 2.19 (process-wide).
"""

from collections.abc import Callable
from typing import Any, Final
from weakref import ref

import scrapy.http.request
from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import Headers, TextResponse
from w3lib.url import safe_url_string

from crawlfleet_worker.fast.stock import StepAside, put, require_defined_in
from crawlfleet_worker.fast.tally import ODD_URL, Fallback, fell_back
from crawlfleet_worker.fast.urls import ASCII_ENCODINGS, host_of

_stock_init: Final = Request.__init__
_stock_follow: Final = TextResponse.follow
_stock_urljoin: Final = TextResponse.urljoin
_text: Final[Any] = scrapy.http.response.text
_latest: tuple[Callable[[], object], str | None, str] = (lambda: None, None, "")
"""The page whose links are made, what they are relative to, its encoding: a page is never changed."""
_PASSED_ON: Final = frozenset(Request.attributes) - {"url", "encoding"}
_SUBCLASS, _BODY, _NO_TEXT, _UNUSUAL, _ODD = (
    ("REQUESTS", reason) for reason in ("subclass", "body", "no_text", "unusual_arguments", ODD_URL)
)
_OWN: Final = ("_set_url", "_set_body", "_url_is_verbatim")


def install(_crawler: Crawler) -> None:
    """Let requests be made the short way. StepAside where somebody else has replaced what makes them."""
    if Request.__init__ is short_init:
        return
    for owner, name in ((Request, "__init__"), (TextResponse, "follow"), *((Request, name) for name in _OWN)):
        require_defined_in(getattr(owner, name), "scrapy")
    quoted = vars(scrapy.http.request)["safe_url_string"]
    if quoted is not safe_url_string:
        require_ours(quoted)
    put(Request, "__init__", short_init)
    put(TextResponse, "follow", short_follow)


def require_ours(quoted: object) -> None:
    """StepAside where URLs are made safe by neither w3lib nor the room URLS."""
    if getattr(quoted, "__module__", "") != "crawlfleet_worker.fast.urls":
        raise StepAside("safe_url_string was replaced")


def short_init(
    self: Any,  # noqa: ANN401
    url: str,
    callback: Any = None,  # noqa: ANN401
    method: str = "GET",
    headers: Any = None,  # noqa: ANN401
    body: Any = None,  # noqa: ANN401
    cookies: Any = None,  # noqa: ANN401
    meta: Any = None,  # noqa: ANN401
    encoding: str = "utf-8",
    priority: int = 0,
    dont_filter: bool = False,
    errback: Any = None,  # noqa: ANN401
    flags: Any = None,  # noqa: ANN401
    cb_kwargs: Any = None,  # noqa: ANN401
) -> None:
    """Set all that Scrapy's constructor sets."""
    usual = type(self) is Request and type(url) is str and type(method) is str and type(priority) is int and not body
    if (
        not usual
        or encoding not in ASCII_ENCODINGS
        or not host_of(url)
        or not (callback is None or callable(callback))
        or not (errback is None or callable(errback))
    ):
        fell_back(_why_not(self, url, body))
        return _stock_init(
            self, url, callback, method, headers, body, cookies, meta, encoding, priority, dont_filter, errback, flags,
            cb_kwargs,
        )  # fmt: skip
    self._encoding = encoding
    self.method = method.upper()
    self._meta = dict(meta) if meta else None
    self._url = url
    self._body = b""
    self.priority = priority
    self.callback = callback
    self.errback = errback
    self._cookies = cookies or None
    self._headers = Headers(headers, encoding=encoding) if headers else None
    self.dont_filter = dont_filter
    self._cb_kwargs = dict(cb_kwargs) if cb_kwargs else None
    self._flags = list(flags) if flags else None
    return None


def _why_not(made: object, url: object, body: object) -> Fallback:
    if type(made) is not Request:
        return _SUBCLASS
    if body:
        return _BODY
    return _UNUSUAL if type(url) is str and host_of(url) else _ODD


def short_follow(self: Any, url: Any, *given: Any, **named: Any) -> Request:  # noqa: ANN401 - Scrapy's own signature
    """Return the request for a link of the page."""
    if type(url) is not str or len(given) > 1 or not named.keys() <= _PASSED_ON:
        fell_back(_NO_TEXT if type(url) is not str else _UNUSUAL)
        return _stock_follow(self, url, *given, **named)
    known, base, encoding = _latest  # taken together: callbacks may use threads
    if known() is not self:
        base, encoding = _look_at(self)
    named["encoding"] = encoding
    joined = self.urljoin(url) if base is None else _text.urljoin(base, url)
    if Request.__init__ is not short_init:
        return Request(joined, *given, **named)
    made: Request = Request.__new__(Request)  # as the class does, which would hand all arguments to both
    short_init(made, joined, *given, **named)
    return made


def _look_at(page: Any) -> tuple[str | None, str]:  # noqa: ANN401 - a TextResponse
    """Return what its links are relative to, None where it joins them in a way of its own, and its encoding."""
    global _latest  # noqa: PLW0603 - all links of a page are made one after the other
    stock = getattr(page.urljoin, "__func__", None) is _stock_urljoin
    base = _text.get_base_url(page) if stock else None
    _latest = (ref(page), base, page.encoding)
    return base, _latest[2]


short_init.__qualname__ = "Request.__init__"  # what an error about arguments names
