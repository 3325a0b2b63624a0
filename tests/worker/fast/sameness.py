"""Do URLs, joins, fingerprints and headers come to the same with the fast paths in place, seed by seed?

The same samples go through Scrapy's public ways twice, first with its own code, then with the fast paths in its place:
the same value, or an exception of the same class with the same text. A tenth of them is followed from a page.
"""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import scrapy.http.response.text
from aiohttp import hdrs
from scrapy import Request
from scrapy.http import Headers, HtmlResponse
from scrapy.utils.request import fingerprint as scrapys_fingerprint

from crawlfleet_worker.fast.fingerprints import CANONICAL, fingerprint
from crawlfleet_worker.fast.urls import BESIDE, CLEAN, ROOTED, host_of, origin_of
from tests.worker.fast import odd_urls
from tests.worker.fast.replaced import in_place

AT_ONCE: Final = 1_000
ROOMS: Final = ("URLS", "PAGES", "HEADERS")
"""In place besides FINGERPRINTS, which is called by its name."""

ENCODINGS: Final = ("utf-8", "utf-8", "utf-8", "latin-1", "cp1252", "utf-16", "gb18030", "no-such")
METHODS: Final = ("GET", "GET", "GET", "POST", "get", "HEAD")
NAMES: Final = (
    "content-type",
    b"content-type",
    "X-\u00c4",
    b"x-\xe4",
    "ETAG",
    "a_b-c.d",
    "a\u00e9b",
    b"a\xc3\xa9b",
    "",
    "x" * 80,
    hdrs.CONTENT_TYPE,
    type(hdrs.ETAG)("x-\u00c4"),
)
VALUES: Final[tuple[Any, ...]] = (
    "text",
    b"bytes",
    ["a", b"b"],
    ("a", 1),
    7,
    None,
    [],
    "\u00fc",
    "\ud800",
    1.5,
    [None],
    True,
    "a\r\nb",
)

Fingerprint = Callable[[Request], bytes]
Told = tuple[Any, ...]


class Sample(NamedTuple):
    """One of each."""

    url: str
    base: str
    link: str
    encoding: str
    method: str
    body: bytes
    headers: tuple[tuple[Any, Any], ...]
    from_a_page: bool


def sample(choice: random.Random) -> Sample:
    """Return the next one of this seed."""
    headers = [(_name(choice), choice.choice(VALUES)) for _ in range(choice.randint(0, 3))]
    return Sample(
        odd_urls.any_url(choice),
        odd_urls.any_url(choice),
        odd_urls.any_link(choice),
        choice.choice(ENCODINGS),
        choice.choice(METHODS),
        choice.choice((b"", b"", b"x")),
        tuple(headers),
        choice.random() < 0.1,
    )


def _name(choice: random.Random) -> Any:
    if choice.random() < 0.5:
        return choice.choice(NAMES)
    text = odd_urls.spoiled(odd_urls.words(choice, 3), choice)
    return text if choice.random() < 0.5 else text.encode("utf-8", "surrogatepass")


def outcome(function: Callable[..., Any], *given: Any, **named: Any) -> Any:
    """Return what it returns, or class and text of what it raises."""
    try:
        return function(*given, **named)
    except Exception as error:
        return type(error), str(error)


def told(one: Sample, taken: Fingerprint) -> Told:
    """Return what Scrapy makes of a sample, as it stands at this moment."""
    return (
        outcome(_of_request, one, taken),
        outcome(vars(scrapy.http.response.text)["urljoin"], one.base, one.link),
        outcome(_of_headers, one),
        *(_of_page(one) if one.from_a_page else ()),
    )


def _of_request(one: Sample, taken: Fingerprint) -> Told:
    request = Request(one.url, encoding=one.encoding, method=one.method, body=one.body)
    return request.url, outcome(taken, request)


def _of_headers(one: Sample) -> Told:
    headers = Headers(encoding=one.encoding)
    for name, value in one.headers:
        headers.appendlist(name, value)
    copied = Headers(headers, encoding="utf-8")
    copied.update(list(one.headers))
    return (
        tuple(headers.items()),
        tuple(copied.items()),
        headers.to_string(),
        [name in copied for name, _ in one.headers],
    )


def _of_page(one: Sample) -> Told:
    body = b"<base href='/deep/er'>" if len(one.link) % 3 == 0 else b"<p>"
    page = HtmlResponse(one.base, body=body, encoding=one.encoding if len(one.link) % 2 else None)
    return outcome(page.urljoin, one.link), outcome(lambda: page.follow(one.link).url), outcome(lambda: page.encoding)


def compared(seed: int, count: int) -> Mapping[str, int]:
    """Compare so many samples; AssertionError names the first that differs. Return counts: all, and the short ways."""
    choice, counts = random.Random(seed), Counter[str]()
    for begin in range(0, count, AT_ONCE):
        samples = [sample(choice) for _ in range(min(AT_ONCE, count - begin))]
        stock = [told(one, scrapys_fingerprint) for one in samples]
        with in_place(*ROOMS):
            fast = [told(one, fingerprint) for one in samples]
        for one, expected, found in zip(samples, stock, fast, strict=True):
            if expected != found:
                raise AssertionError(f"{one}\nScrapy: {expected}\nours:   {found}")
            _count(counts, one)
    return dict(counts)


def _count(counts: Counter[str], one: Sample) -> None:
    counts.update(urls=1, joins=1, headers=len(one.headers), pages=one.from_a_page)
    counts["plain_urls"] += bool(host_of(one.url))
    counts["rooted_links"] += bool(ROOTED.fullmatch(one.link) and origin_of(one.base))
    counts["links_beside"] += bool(one.link and BESIDE.fullmatch(one.link) and CLEAN.fullmatch(one.base))
    counts["canonical_gets"] += one.method == "GET" and not one.body and bool(CANONICAL.fullmatch(one.url))
