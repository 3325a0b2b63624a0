"""What do the spider middlewares of Scrapy do to a page's link? Mostly the same to all of them: worked out once a page.

Stands for `get_processed_request` of those in LIKED, in one step for each request. It says no, before anything is
changed, where one of them would do more than set depth and Referer: then they are called one after the other.
"""

from collections.abc import Sequence
from typing import Final

from scrapy import Request
from scrapy.http import Headers, Response
from scrapy.spidermiddlewares.base import BaseSpiderMiddleware
from scrapy.spidermiddlewares.depth import DepthMiddleware
from scrapy.spidermiddlewares.metacopy import MetaCopyDetectionMiddleware
from scrapy.spidermiddlewares.referer import RefererMiddleware
from scrapy.spidermiddlewares.start import StartSpiderMiddleware
from scrapy.spidermiddlewares.urllength import UrlLengthMiddleware

from crawlfleet_worker.fast.referers import Referers, of_page
from crawlfleet_worker.fast.urls import ASCII_ENCODINGS, host_of

LIKED: Final = (
    MetaCopyDetectionMiddleware,
    DepthMiddleware,
    UrlLengthMiddleware,
    RefererMiddleware,
    StartSpiderMiddleware,
)
_TELLING: Final = frozenset({"depth_reset", "referrer_policy", *MetaCopyDetectionMiddleware._INTERNAL_KEYS})
"""Keys of a request's meta that any of them looks at."""


class Links:
    """The middlewares of one crawl, each of its own kind and all of LIKED."""

    def __init__(self, depth: DepthMiddleware, most_characters: int) -> None:
        """`most_characters`: of a URL (`URLLENGTH_LIMIT`)."""
        self.depth, self.most_characters = depth, most_characters

    def of(self, page: Response) -> "Page":
        """Return what the links of a page go through; its depth has to be known."""
        return Page(self, page)


class Page:
    """One page."""

    def __init__(self, links: Links, page: Response) -> None:
        self._links, self._page_meta = links, page.meta
        self._deepest = -1
        scheme, self._referer = of_page(page)
        self._begin = "https://" if scheme == "https" else "http"

    def passes(self, request: Request) -> bool:
        """Set depth and Referer of a link, of no subclass; False where the middlewares have to see it themselves."""
        url, meta, headers = request._url, request._meta, request._headers
        rule, depth = self._links.depth, self._page_meta.get("depth", -1) + 1
        if (
            not self._referer
            or (meta and not _TELLING.isdisjoint(meta))
            or len(url) > self._links.most_characters
            or not url.startswith(self._begin)
            or request._encoding not in ASCII_ENCODINGS
            or (headers is not None and (type(headers) is not Headers or headers.encoding not in ASCII_ENCODINGS))
            or not host_of(url)
            or depth < 1
            or rule.verbose_stats
            or (rule.maxdepth and depth > rule.maxdepth)
        ):
            return False
        if meta is None:
            request._meta = {"depth": depth}
        else:
            meta["depth"] = depth
        if rule.prio:
            request.priority -= depth * rule.prio
        if depth > self._deepest:
            self._deepest = depth
            rule.stats.max_value("request_depth_max", depth)
        if headers is None:
            headers = request._headers = dict.__new__(Headers)
            headers.encoding = request._encoding
        dict.setdefault(headers, b"Referer", [self._referer])
        return True


def links_of(middlewares: Sequence[BaseSpiderMiddleware]) -> Links | None:
    """Return the one step for these; None where any of them is not as Scrapy has it, or is missing."""
    by_kind = {type(one): one for one in middlewares}
    if len(middlewares) != len(LIKED) or by_kind.keys() != set(LIKED):
        return None
    if any("get_processed_request" in vars(one) for one in middlewares if type(one) is not RefererMiddleware):
        return None
    referers = getattr(by_kind[RefererMiddleware].get_processed_request, "__self__", None)
    depth, length = by_kind[DepthMiddleware], by_kind[UrlLengthMiddleware]
    if not (isinstance(referers, Referers) and isinstance(depth, DepthMiddleware)):
        return None
    return Links(depth, length.maxlength) if isinstance(length, UrlLengthMiddleware) else None
