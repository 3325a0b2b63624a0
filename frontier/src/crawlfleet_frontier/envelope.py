"""How does a request travel through Redis?

A bare GET is its URL. Everything else is the marker byte 0xC1 (which begins no URL in UTF-8) and a MessagePack map with
numbered fields, those at their default left out. Never pickle: nothing that is read here can run code. Tuples, sets,
times and large integers keep their type; what cannot be carried is refused at once, with the place and a mend.
"""

import datetime
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from operator import attrgetter
from typing import Any, Final, cast

import msgpack

from crawlfleet_frontier.errors import BadInput

MARKER: Final = b"\xc1"
LARGEST: Final = 512 * 1024
"""Bytes of one encoded request at most: a call carries up to 1 MiB of them."""

Headers = tuple[tuple[bytes, bytes], ...]

_TUPLE, _SET, _FROZENSET, _INTEGER, _TIME, _DATE = range(1, 7)


@dataclass(frozen=True, slots=True)
class FrontierRequest:
    """One request of a crawl, as any worker of the job can carry it out.

    The order of the fields is their number on the wire: add new ones at the end, with a default.
    """

    url: str
    method: str = "GET"
    headers: Headers = ()
    body: bytes = b""
    callback: str = ""
    """Name of the method of the spider that gets the response; empty is the default one."""
    errback: str = ""
    priority: int = 0
    """Higher is earlier, as in Scrapy."""
    dont_filter: bool = False
    meta: Mapping[str, Any] = field(default_factory=dict)
    cb_kwargs: Mapping[str, Any] = field(default_factory=dict)
    cookies: Any = None
    """A mapping or a list of mappings, as the user gave them."""
    encoding: str = "utf-8"
    flags: tuple[str, ...] = ()
    kind: str = ""
    """The class where it is not the plain request (`JsonRequest`); the reader decides what it accepts."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """What this class of request has beyond the fields above."""
    id: str = ""
    """The id under which it was admitted, where its children need it: see `identity.child_id`."""


def _default_of(one: "Field[Any]") -> object:
    return one.default_factory() if one.default_factory is not MISSING else one.default


_FIELDS: Final = tuple(fields(FrontierRequest))
_TUPLES: Final = frozenset({"headers", "flags"})
_TUPLE_NUMBERS: Final = frozenset(number for number, one in enumerate(_FIELDS) if one.name in _TUPLES)
_DEFAULTS: Final = tuple(map(_default_of, _FIELDS))
_values: Final = attrgetter(*(one.name for one in _FIELDS))


def encode(request: FrontierRequest) -> bytes:
    """Return the bytes of `request`; BadInput names what cannot be carried."""
    if not request.url:
        raise BadInput("a request without a URL cannot be carried: give an absolute URL")
    changed = {number: value for number, value in enumerate(_values(request)) if number and value != _DEFAULTS[number]}
    payload = MARKER + _pack(request, {0: request.url, **changed}) if changed else _text(request.url)
    if len(payload) > LARGEST:
        raise BadInput(
            f"{_name(request)} takes {len(payload):,} bytes, at most {LARGEST:,} are carried: "
            "keep large data outside (a file, a database) and carry its name"
        )
    return payload


def decode(payload: bytes) -> FrontierRequest:
    """Return the request that `encode` made these bytes of; BadInput where they are something else."""
    if not payload.startswith(MARKER):
        return FrontierRequest(_url(payload))
    try:
        packed = msgpack.unpackb(
            payload[1:], ext_hook=_unpack_extension, strict_map_key=False, unicode_errors="surrogatepass"
        )
        named = {_FIELDS[number].name: value for number, value in packed.items()}
        named.update({name: _as_tuple(named[name]) for name in _TUPLES & named.keys()})
        return FrontierRequest(**named)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, msgpack.UnpackException) as error:
        raise BadInput(
            f"no request of this layout ({error}): {payload[:60]!r}; was it written by a newer worker?"
        ) from None


def _as_tuple(value: list[object]) -> tuple[object, ...]:
    return tuple(tuple(part) if isinstance(part, list) else part for part in value)


def _as_list(value: tuple[object, ...]) -> list[object]:
    return [list(part) if isinstance(part, tuple) else part for part in value]


def _text(url: str) -> bytes:
    try:
        return url.encode()
    except UnicodeEncodeError as error:
        raise BadInput(f"the URL {url[:200]!r} is no valid text ({error.reason}): quote it first") from None


def _url(payload: bytes) -> str:
    try:
        return payload.decode()
    except UnicodeDecodeError:
        raise BadInput(f"neither a URL nor a request: {payload[:60]!r}") from None


def _name(request: FrontierRequest) -> str:
    return f"the request {request.method} {request.url[:200]}"


def _pack(request: FrontierRequest, changed: dict[int, Any]) -> bytes:
    try:
        packed = msgpack.packb(
            {number: _as_list(value) if number in _TUPLE_NUMBERS else value for number, value in changed.items()},
            default=_extension,
            strict_types=True,
            unicode_errors="surrogatepass",
        )
    except (TypeError, ValueError, OverflowError, RecursionError):
        raise BadInput(f"{_name(request)} cannot be carried: {_culprit(changed)}") from None
    return bytes(packed)


def _extension(value: object) -> msgpack.ExtType:
    """Carry what MessagePack has no type for; TypeError for anything unknown, subclasses included."""
    kind = type(value)
    if kind is int:
        return msgpack.ExtType(_INTEGER, str(value).encode())
    if isinstance(value, datetime.date) and kind in _TIMES:
        return msgpack.ExtType(_TIMES[kind], _iso(value))
    if kind in _SEQUENCES:
        return msgpack.ExtType(_SEQUENCES[kind], _pack_parts(list(cast("Iterable[Any]", value))))
    raise TypeError(kind.__name__)


_TIMES: Final[dict[type, int]] = {datetime.datetime: _TIME, datetime.date: _DATE}
_SEQUENCES: Final[dict[type, int]] = {tuple: _TUPLE, set: _SET, frozenset: _FROZENSET}


def _iso(value: datetime.date) -> bytes:
    """Which of two equal times of a clock set back it is, then the time in ISO 8601."""
    return f"{getattr(value, 'fold', 0)}{value.isoformat()}".encode()


def _pack_parts(parts: list[Any]) -> bytes:
    return bytes(msgpack.packb(parts, default=_extension, strict_types=True, unicode_errors="surrogatepass"))


def _parts(data: bytes) -> list[Any]:
    return list(msgpack.unpackb(data, ext_hook=_unpack_extension, strict_map_key=False, unicode_errors="surrogatepass"))


_READERS: Final[dict[int, Callable[[bytes], Any]]] = {
    _TUPLE: lambda data: tuple(_parts(data)),
    _SET: lambda data: set(_parts(data)),
    _FROZENSET: lambda data: frozenset(_parts(data)),
    _INTEGER: int,
    _TIME: lambda data: datetime.datetime.fromisoformat(data[1:].decode()).replace(fold=data[0] - ord("0")),
    _DATE: lambda data: datetime.date.fromisoformat(data[1:].decode()),
}


def _unpack_extension(kind: int, data: bytes) -> object:
    if kind not in _READERS:
        raise ValueError(f"unknown extension {kind}")
    return _READERS[kind](data)


def _culprit(changed: dict[int, Any]) -> str:
    """Say which value it is: `meta['parser'] is a function: …`."""
    for number, value in changed.items():
        found = _refused(value, _FIELDS[number].name)
        if found:
            return found
    return "its values are nested too deeply (or hold themselves): carry plain data"


def _refused(value: object, place: str, depth: int = 0) -> str:
    if depth > 100:
        return f"{place[:80]}… is nested too deeply (or holds itself): carry plain data"
    for key, part in _children(value):
        found = _refused(part, f"{place}[{key!r}]", depth + 1) or _refused(key, f"a key of {place}", depth + 1)
        if found:
            return found
    if type(value) in (dict, list, *_SEQUENCES):
        return ""
    try:
        _pack_parts([value])
    except (TypeError, ValueError, OverflowError):
        return (
            f"{place} is a {type(value).__name__}: only text, bytes, numbers, booleans, None, times, lists, tuples, "
            "sets and dicts of these travel between workers; carry a name or plain data and look the rest up there"
        )
    return ""


def _children(value: object) -> list[tuple[Any, Any]]:
    if isinstance(value, dict) and type(value) is dict:
        return list(value.items())
    if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
        return list(enumerate(value))
    if isinstance(value, (set, frozenset)):
        return [(part, part) for part in value if not isinstance(part, (set, frozenset))]
    return []
