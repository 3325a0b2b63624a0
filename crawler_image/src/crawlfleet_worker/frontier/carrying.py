"""How does a Scrapy request become the frontier's bytes, and a request again on another worker?

A bare GET with the default callback is its URL. Scrapy's own meta keys travel like the user's, but for the TRANSIENT
ones, which say something of one download on one worker.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import scrapy
from scrapy import Request, Spider
from scrapy.http import Headers
from scrapy.utils.httpobj import urlparse_cached

from crawlfleet_frontier import envelope
from crawlfleet_frontier.envelope import FrontierRequest
from crawlfleet_frontier.errors import BadInput
from crawlfleet_worker.frontier.callbacks import method_of, name_of
from crawlfleet_worker.frontier.classes import ClassGone, load_class, path_of
from crawlfleet_worker.frontier.rebuilding import rebuild
from crawlfleet_worker.frontier.values import NotCarried, flatten

logger = logging.getLogger(__name__)

TRANSIENT: Final = frozenset({"download_latency", "cached_response", "_dont_cache"})
"""Meta keys left behind: the last download's latency; the HTTP cache's notes on this attempt (one is a whole response).

`download_slot` stays behind too where it is the host's name, which the downloader itself wrote there.
"""

SHORT: Final[Mapping[str, type[Request]]] = {
    "FormRequest": scrapy.FormRequest,
    "JsonRequest": scrapy.http.JsonRequest,
    "XmlRpcRequest": scrapy.http.XmlRpcRequest,
}
"""Scrapy's own classes go by their name, any other by `module:name`."""

_NAMES: Final = {kind: name for name, kind in SHORT.items()}
_ATTRIBUTES: Final = frozenset(Request.attributes)
_INTERNALS: Final = frozenset(Request.__slots__) | frozenset(getattr(Request("data:,"), "__dict__", ()))
_BARE, _MORE, _OWN, _JAR = "bare", "more", "own", "jar"


class CannotCarry(Exception):  # noqa: N818 - says what is wrong
    """A request cannot travel: the request, the place and the mend, in this order."""

    def __init__(self, request: Request, why: str) -> None:
        super().__init__(f"{request} cannot be carried to another worker: {why}")
        self.request = request


class CannotRestore(Exception):  # noqa: N818 - says what is wrong
    """The bytes name a class that this image lacks, or are no request of this layout."""


@dataclass(frozen=True, slots=True)
class Carried:
    """A request as it arrived."""

    request: Request
    id: str
    """The id it was admitted under, where the writer gave one."""
    jar_version: int
    """The version of its cookie jar that its parent had seen; 0 without one (see `cookies`)."""


def carry(request: Request, spider: Spider, *, id: str = "", jar_version: int = 0) -> bytes:  # noqa: A002 - its name
    """Return the bytes of `request`. CannotCarry names the request, the place in it and the mend."""
    try:
        if not id and not jar_version and _is_bare(request):
            return request.url.encode()
        return envelope.encode(to_frontier(request, spider, id, jar_version))
    except (NotCarried, BadInput) as error:
        raise CannotCarry(request, str(error)) from None


def restore(payload: bytes, spider: Spider) -> Carried:
    """Return the request that `carry` was given.

    Raises UnknownCallback where the spider lacks a method, CannotRestore where the rest does not fit this image.
    """
    try:
        if not payload.startswith(envelope.MARKER):
            return Carried(Request(payload.decode()), "", 0)
        found = envelope.decode(payload)
        request = _build(found, spider)
    except (BadInput, ClassGone, ValueError, TypeError, KeyError) as error:
        raise CannotRestore(f"{payload[:200]!r}: {error}") from error
    return Carried(request, found.id, int(found.extra.get(_JAR, 0)))


def to_frontier(request: Request, spider: Spider, id: str = "", jar_version: int = 0) -> FrontierRequest:  # noqa: A002
    """Return the request without anything of Scrapy. NotCarried names the place."""
    kind, extra = _class_of(request)
    headers, bare = _headers(request)
    extra |= {_BARE: bare} if bare else {}
    extra |= {_JAR: jar_version} if jar_version else {}
    return FrontierRequest(
        url=request.url,
        method=request.method,
        headers=headers,
        body=request.body,
        callback=name_of(request.callback, spider, "callback"),
        errback=name_of(request.errback, spider, "errback"),
        priority=request.priority,
        dont_filter=bool(request.dont_filter),
        meta=flatten(_lasting(request), "meta") if request.meta else {},
        cb_kwargs=flatten(request.cb_kwargs, "cb_kwargs") if request.cb_kwargs else {},
        cookies=flatten(request.cookies, "cookies") if request.cookies else None,
        encoding=request.encoding,
        flags=_flags(request),
        kind=kind,
        extra=extra,
        id=id,
    )


def _is_bare(request: Request) -> bool:
    """Whether the request is its URL: most are, so this short way is worth its lines."""
    if type(request) is not Request or request.method != "GET" or request.priority or request.encoding != "utf-8":
        return False
    if request.callback is not None or request.errback is not None or request.dont_filter or request.body:
        return False
    more = request.meta or request.cb_kwargs or request.headers or request.cookies or request.flags
    return not more and len(request.url) <= envelope.LARGEST


def _lasting(request: Request) -> dict[str, Any]:
    lasting = {key: value for key, value in request.meta.items() if key not in TRANSIENT}
    if "download_slot" in lasting and lasting["download_slot"] == (urlparse_cached(request).hostname or ""):
        del lasting["download_slot"]
    return lasting


def _headers(request: Request) -> tuple[tuple[tuple[bytes, bytes], ...], list[bytes]]:
    """Return name and value pairs, and the names without a value (those keep a default header from being added)."""
    if not request.headers:
        return (), []
    found = list(_items(request.headers))
    return tuple((name, value) for name, values in found for value in values), [
        name for name, values in found if not values
    ]


def _items(headers: Headers) -> Iterable[tuple[bytes, list[bytes]]]:
    """Return the headers as they are stored; a class of its own may have them otherwise."""
    return dict.items(headers) if type(headers) is Headers else headers.items()


def _flags(request: Request) -> tuple[str, ...]:
    for number, flag in enumerate(request.flags):
        if type(flag) is not str:
            raise NotCarried(f"flags[{number}]", f"a {type(flag).__name__}", "flags are text")
    return tuple(request.flags)


def _class_of(request: Request) -> tuple[str, dict[str, Any]]:
    """Return the name of the request's class and what it has beyond a plain request's attributes."""
    kind = type(request)
    if kind is Request:
        return "", {}
    name = _NAMES.get(kind) or path_of(kind)
    if name is None:
        raise NotCarried("the request", f"a {kind.__qualname__}", "define this class at the top of a module")
    more = {one: flatten(getattr(request, one), one) for one in kind.attributes if one not in _ATTRIBUTES}
    own = {one: flatten(value, one) for one, value in getattr(request, "__dict__", {}).items() if one not in _INTERNALS}
    return name, {key: value for key, value in ((_MORE, more), (_OWN, own)) if value}


def _build(found: FrontierRequest, spider: Spider) -> Request:
    kind = _class_named(found.kind)
    more = {name: rebuild(found.extra[_MORE][name]) for name in found.extra.get(_MORE, ()) if name in kind.attributes}
    request = kind(
        **more,
        url=found.url,
        method=found.method,
        body=found.body,
        callback=method_of(found.callback, spider, found.url, "callback"),
        errback=method_of(found.errback, spider, found.url, "errback"),
        priority=found.priority,
        dont_filter=found.dont_filter,
        meta=rebuild(found.meta),
        cb_kwargs=rebuild(found.cb_kwargs),
        cookies=rebuild(found.cookies),
        encoding=found.encoding,
        flags=list(found.flags),
    )
    _set_headers(request, found)
    if kind is not Request and _OWN in found.extra:
        vars(request).update({name: rebuild(value) for name, value in found.extra[_OWN].items()})
    return request


def _set_headers(request: Request, found: FrontierRequest) -> None:
    """Give exactly the headers carried: a subclass adds its own ones again, the user may have removed them."""
    bare = found.extra.get(_BARE, ())
    if found.headers or bare or found.kind:
        headers = Headers(found.headers, encoding=found.encoding)
        for name in bare:
            headers[name] = []
        request.headers = headers


def _class_named(name: str) -> type[Request]:
    """Return the class of the request; a plain Request, with a warning, where this image does not have it."""
    if not name:
        return Request
    if name in SHORT:
        return SHORT[name]
    try:
        return load_class(name, lambda found: issubclass(found, Request))
    except ClassGone as error:
        logger.warning("A request is restored as a plain Request: %s", error)
        return Request
