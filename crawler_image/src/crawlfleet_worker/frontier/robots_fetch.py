"""What does an origin's robots.txt say, by RFC 9309?

2xx: its rules, the first 500 KiB of them. 4xx and a sixth redirect: everything is allowed. 5xx, or nobody there:
nothing is, for now.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import urljoin, urlsplit

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest, StopDownload
from scrapy.http import Response
from scrapy.http.request import NO_CALLBACK

from crawlfleet_frontier.identity import host_of
from crawlfleet_worker.frontier.ports import Slot
from crawlfleet_worker.frontier.slots import Slots

LARGEST: Final = 500 * 1024
"""Bytes that are read; RFC 9309 asks for at least so many."""

REDIRECTS: Final = 5
PRIORITY: Final = 1000
MARK: Final = "crawlfleet_robots"
"""Meta key of a fetch, whatever copies of its request the downloader makes."""

_REDIRECTING: Final = frozenset({301, 302, 303, 307, 308})
_OWN_PORT: Final = {"http": 80, "https": 443}

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Fetched:
    """What the fetch came to."""

    status: Literal["ok", "allow", "disallow"]
    text: bytes = b""
    why: str = ""
    """For `disallow`: what the server did."""


def origin_of(url: str) -> str:
    """Return scheme, host and port of an http(s) URL; the scheme's own port is left out."""
    parts = urlsplit(url)
    host = host_of(url)
    name = f"[{host}]" if ":" in host else host
    port = parts.port
    return f"{parts.scheme}://{name}" + ("" if port in (None, _OWN_PORT.get(parts.scheme)) else f":{port}")


async def fetch(crawler: Crawler, origin: str, page: Request, slots: "Slots[Slot]") -> Fetched:
    """Fetch the robots.txt of `origin` with the slot of the page that needs it."""
    request = _request(f"{origin}/robots.txt")
    slots.move(page, request)
    crawler.stats.inc_value("robotstxt/request_count")
    try:
        with _bounded(crawler, request):
            return await _follow(crawler, request)
    except IgnoreRequest:
        return Fetched("allow")
    except Exception as error:
        crawler.stats.inc_value(f"robotstxt/exception_count/{type(error)}")
        logger.debug("No robots.txt from %s: %s", origin, error, exc_info=True)
        return Fetched("disallow", why=f"{type(error).__name__}: {error}")
    finally:
        slots.leave(request)


async def _follow(crawler: Crawler, request: Request) -> Fetched:
    for _ in range(REDIRECTS + 1):
        response = await crawler.engine.download_async(request)
        target = _target(response)
        if target is None:
            break
        request = _request(target, request.meta[MARK])
    crawler.stats.inc_value("robotstxt/response_count")
    crawler.stats.inc_value(f"robotstxt/response_status_count/{response.status}")
    return _judged(response)


def _request(url: str, mark: object = None) -> Request:
    meta = {
        "dont_obey_robotstxt": True,
        "dont_redirect": True,
        "allow_offsite": True,
        MARK: mark or object(),
    }
    return Request(url, priority=PRIORITY, meta=meta, callback=NO_CALLBACK)


def _target(response: Response) -> str | None:
    location = response.headers.get("Location")
    if response.status not in _REDIRECTING or not location:
        return None
    target = urljoin(response.url, location.decode("latin-1"))
    return target if urlsplit(target).scheme in _OWN_PORT and urlsplit(target).hostname else None


def _judged(response: Response) -> Fetched:
    if 200 <= response.status < 300:
        return Fetched("ok", response.body[:LARGEST])
    if 300 <= response.status < 500:
        return Fetched("allow")
    return Fetched("disallow", why=f"status {response.status}")


@contextmanager
def _bounded(crawler: Crawler, request: Request) -> Iterator[None]:
    """Stop reading what is longer than a robots.txt."""
    mark, received = request.meta[MARK], 0

    def count(data: bytes, request: Request, **_: Any) -> None:  # noqa: ANN401 - the signal's other arguments
        nonlocal received
        if request.meta.get(MARK) is mark:
            received += len(data)
            if received > LARGEST:
                raise StopDownload(fail=False)

    crawler.signals.connect(count, signals.bytes_received)
    try:
        yield
    finally:
        crawler.signals.disconnect(count, signals.bytes_received)
