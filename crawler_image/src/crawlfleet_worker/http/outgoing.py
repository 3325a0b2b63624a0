"""What is written for a request, byte by byte as Scrapy's aiohttp handler would, and what is left to that handler?

Left to it: whatever goes through a proxy, carries user and password in its URL, asks for framing of its own
(Transfer-Encoding, Content-Length, Expect, Connection, Upgrade), or has a byte in its head that is not plain ASCII.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address
from typing import Final, NamedTuple

from scrapy import Request
from yarl import URL

PORTS: Final = {"http": 80, "https": 443}

STOCK_META: Final = ("proxy", "bindaddress", "verbatim_url")
"""Keys of `meta`: a request that has one of them is the other handler's."""

STOCK_HEADERS: Final = frozenset(
    {
        b"Connection",
        b"Content-Length",
        b"Expect",
        b"Http2-Settings",
        b"Te",
        b"Trailer",
        b"Transfer-Encoding",
        b"Upgrade",
    }
)

_PLAIN: Final = re.compile(
    r"(https?)://([a-z0-9-]+(?:\.[a-z0-9-]+)*)(?::([1-9]\d{1,4}))?(/[\w/.~-]*(?:\?[\w/.~&=-]*)?)(?:#.*)?", re.A
)
"""URLs that quoting leaves as they are, dot segments apart."""

_METHOD: Final = re.compile(r"[A-Z]+")
_BREAKS: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f-\xff]")
"""What may not stand in a line of a head."""


class Origin(NamedTuple):
    """Whom a connection goes to; any request to it may use the same one."""

    scheme: str
    host: str
    port: int


@dataclass(slots=True)
class Outgoing:
    """One request, ready to be written."""

    origin: Origin
    data: bytes
    """Head and body."""
    has_answer_body: bool
    """Whether an answer to this method has a body: not so for HEAD."""


class NotOurs(Exception):  # noqa: N818 - says what is so
    """The request is left to Scrapy's handler."""


def outgoing(request: Request) -> Outgoing:
    """Return what is to be written. NotOurs where the request is Scrapy's handler's."""
    meta, method = request.meta, request.method
    if any(meta.get(key) for key in STOCK_META) or method == "CONNECT" or not _METHOD.fullmatch(method):
        raise NotOurs
    origin, authority, target = _plain_target(request.url) or _quoted_target(request.url)
    head = _head(request, f"{method} {target} HTTP/1.1".encode(), authority.encode())
    return Outgoing(origin, head + request.body, method != "HEAD")


Target = tuple[Origin, str, str]
"""Origin, value of Host, request target."""


def _plain_target(url: str) -> Target | None:
    """Return the target of a URL that needs no quoting; None where that is not sure."""
    match = _PLAIN.fullmatch(url)
    if match is None:
        return None
    scheme, host, port, target = match.groups()
    if "/." in target or (port and int(port) in PORTS.values()) or not _is_plain(host):
        return None
    return Origin(scheme, host, int(port) if port else PORTS[scheme]), f"{host}:{port}" if port else host, target


@lru_cache(1_000)
def _is_plain(host: str) -> bool:
    """Whether it is an IPv4 address in its usual form, or no number at its end: those have odd forms."""
    try:
        return not host[-1].isdigit() or str(IPv4Address(host)) == host
    except ValueError:
        return False


def _quoted_target(url: str) -> Target:
    try:
        quoted = URL(url)
        authority, host, port = quoted.host_port_subcomponent, quoted.raw_host, quoted.port
    except ValueError as error:
        raise NotOurs from error
    known = quoted.scheme in PORTS and authority and host and port
    if not known or quoted.raw_user is not None or quoted.raw_password is not None:
        raise NotOurs
    return Origin(quoted.scheme, str(host), int(port or 0)), str(authority), quoted.raw_path_qs


def _head(request: Request, first: bytes, authority: bytes) -> bytes:
    lines = [first, b"Host: " + authority]
    for name, values in request.headers.items():
        if name in STOCK_HEADERS:
            raise NotOurs
        if name == b"Host" and values:
            lines[1] = b"Host: " + values[-1]
        elif name != b"Proxy-Authorization":
            lines += [name + b": " + value for value in values]
    lines.append(b"Content-Length: %d" % len(request.body))
    if any(map(_BREAKS.search, lines)):
        raise NotOurs
    return b"\r\n".join(lines) + b"\r\n\r\n"
