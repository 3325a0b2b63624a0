"""Which request is this: its id, the band it waits in, and the host whose pace it keeps?

Ids are signed 64-bit numbers written in decimal, because that is what Redis' sorted arrays of integers hold and what
Lua can carry without losing digits. A request that the duplicate filter judges is known by its fingerprint; one that
goes round the filter by its place among the requests of its parent (`child_id`). Doing either again yields the same id.
"""

import hashlib
import ipaddress
import re
import socket
from typing import Final
from urllib.parse import unquote, urlsplit

from crawlfleet_frontier.errors import BadInput

SEED_PARENT: Final = "seed"
"""The parent of every request that `start()` yields."""

BANDS: Final = 8
"""Bands of a host's queue: 0 comes first, 7 last."""

BAND_FLOORS: Final = (100, 10, 1, 0, -9, -99, -999)
"""Scrapy's priority (higher is earlier) to band: the first floor that the priority reaches.

| priority | ≥ 100 | 10 … 99 | 1 … 9 | 0 | -1 … -9 | -10 … -99 | -100 … -999 | ≤ -1000 |
|---|---|---|---|---|---|---|---|---|
| band | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 |

Scrapy's own small changes stay close to their request: a redirect (+2) is one band earlier than a plain page, a retry
(-1) one band later.
"""

_HOST: Final = re.compile(r"[0-9a-z_~-]+(\.[0-9a-z_~-]+)*")
_PLAIN: Final = re.compile(r"https?://([A-Za-z0-9.-]+)(?::[0-9]*)?(?:[/?#]|\Z)")
"""A URL whose host can be read off; any other is taken apart by `urlsplit`."""

_MOST_KNOWN: Final = 10_000
_known: dict[str, str] = {}
"""Hosts of plain URLs as written → as normal; forgotten where there are too many."""

_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_LONGEST_HOST: Final = 253


def request_id(fingerprint: bytes) -> str:
    """Return the id of a request that the duplicate filter judges: its fingerprint's first eight bytes."""
    if len(fingerprint) < 8:
        raise BadInput(f"a fingerprint has at least 8 bytes, this one {len(fingerprint)}: use a hash of 20 or 32 bytes")
    return str(int.from_bytes(fingerprint[:8], "big", signed=True))


def child_id(parent: str, ordinal: int, fingerprint: bytes) -> str:
    """Return the id of a request that goes round the filter (`dont_filter`).

    `parent` is its parent's id or SEED_PARENT; `ordinal` counts the parent's requests from 0.
    """
    digest = hashlib.blake2b(f"{parent}\0{ordinal}\0".encode() + fingerprint, digest_size=8).digest()
    return str(int.from_bytes(digest, "big", signed=True))


def url_fingerprint(url: str, method: str = "GET", body: bytes = b"") -> bytes:
    """Return a fingerprint for workers that have none of their own; URLs are compared as they are written."""
    return hashlib.blake2b(b"\0".join((method.encode(), url.encode("utf-8", "surrogatepass"), body))).digest()


def band_of(priority: int) -> int:
    """Return the band (0 first … 7 last) of a request with Scrapy's `priority`: the table of BAND_FLOORS."""
    return next((band for band, floor in enumerate(BAND_FLOORS) if priority >= floor), BANDS - 1)


def host_of(url: str) -> str:
    """Return the host whose pace `url` keeps: lower case, IDNA, no trailing dot, no port, addresses in one spelling.

    Raises BadInput, naming the URL, where it has no host or one that no name server could be asked for.
    """
    plain = _PLAIN.match(url)
    if plain is None:
        return _host_of_odd(url)
    name = plain[1]
    host = _known.get(name)
    if host is None:
        host = _normal(name.lower(), url)
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        _known[name] = host
    return host


def _host_of_odd(url: str) -> str:
    try:
        name = urlsplit(url).hostname
    except ValueError as error:
        raise BadInput(f"{url[:200]!r} is no URL: {error}") from None
    if not name:
        raise BadInput(f"{url[:200]!r} names no host: give an absolute URL such as https://example.org/")
    return _normal(name, url)


def _normal(name: str, url: str) -> str:
    if ":" in name:
        return _address(name, url)
    ascii_name = _ascii(unquote(name), url).lower().rstrip(".")
    if len(ascii_name) > _LONGEST_HOST or not _HOST.fullmatch(ascii_name):
        raise BadInput(f"the host of {url[:200]!r} is no host name: letters, digits, hyphens and dots make one")
    return _plain_ipv4(ascii_name)


def _ascii(name: str, url: str) -> str:
    """IDNA as Python and Scrapy's URL functions do it (2003), so that the key is the name that is asked for."""
    if name.isascii():
        return name
    try:
        return name.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise BadInput(f"the host of {url[:200]!r} cannot be written in IDNA: {error}") from None


def _address(name: str, url: str) -> str:
    try:
        return ipaddress.IPv6Address(name.partition("%")[0]).compressed
    except ValueError as error:
        raise BadInput(f"the host of {url[:200]!r} is no IPv6 address: {error}") from None


def _plain_ipv4(name: str) -> str:
    """`127.1` and `0x7f.0.0.1` reach the same server as 127.0.0.1, so they are the same host."""
    if not _NUMBER.fullmatch(name.rpartition(".")[2]):
        return name
    try:
        return socket.inet_ntoa(socket.inet_aton(name))
    except OSError:
        return name
