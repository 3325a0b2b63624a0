"""Is a request on site? Known by its host, once for each.

Replaces: `OffsiteMiddleware.process_request`, which takes every URL apart and runs one regular expression over it.
Steps aside: another class, or one with other methods. For one request: a URL that is not plain, a host that was not
found to be on site before, or `allowed_domains` that have changed.
Holds for: Scrapy 2.19.
"""

from collections.abc import Callable, MutableSequence
from typing import Any, Final

from scrapy import Request, Spider
from scrapy.core.downloader.middleware import DownloaderMiddlewareManager
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.offsite import OffsiteMiddleware

from crawlfleet_worker.fast.stock import StepAside, put, require_class, require_own
from crawlfleet_worker.fast.tally import fell_back
from crawlfleet_worker.fast.urls import host_of

MOST_HOSTS: Final = 10_000
_NEW_HOST: Final = ("OFFSITE", "host_not_known")


def install(crawler: Crawler) -> None:
    """Let the crawler's middleware remember hosts. StepAside where it is not Scrapy's own, or not in use."""
    manager = crawler.engine.downloader.middleware
    require_class(manager, DownloaderMiddlewareManager)
    found = [one for one in manager.middlewares if type(one) is OffsiteMiddleware]
    if not found:
        raise StepAside("Scrapy's own is not in use")
    for one in found:
        require_own(one, "process_request", "request_scheduled", "should_follow", "get_host_regex")
        stock, judge = one.process_request, Judge(one)
        put(one, "process_request", judge.process_request)  # for what is scheduled
        _replace(manager.methods["process_request"], stock, judge.process_request)  # for what is downloaded


def _replace(methods: MutableSequence[Any], stock: object, short: object) -> None:
    """Let the manager, which took its middlewares' methods when it was made, call this one."""
    for place, method in enumerate(tuple(methods)):
        if method == stock:
            methods[place] = short


class Judge:
    """Remembers which hosts are on site, as long as the spider's `allowed_domains` stay as they are."""

    def __init__(self, middleware: OffsiteMiddleware) -> None:
        self._middleware = middleware
        self._stock: Callable[..., None] = middleware.process_request
        self._spider: Spider | None = None
        self._domains: list[Any] | None = None
        self._on_site: set[str] = set()

    def process_request(self, request: Request, *given: Spider, **named: Spider) -> None:
        """Let the request pass; IgnoreRequest where it is off site."""
        if given or named or not self.knows(request):
            self._stock(request, *given, **named)
            fell_back(_NEW_HOST)
            host = host_of(request.url)
            if host and not request.dont_filter and not request.meta.get("allow_offsite"):
                self._on_site.add(host)

    def knows(self, request: Request) -> bool:
        """Whether the request's host was found to be on site before."""
        if self._spider is None:
            self._spider = self._middleware.crawler.spider
        domains = list(getattr(self._spider, "allowed_domains", None) or ())
        if domains != self._domains or len(self._on_site) >= MOST_HOSTS:
            self._domains = domains
            self._on_site.clear()
        return host_of(request._url if type(request) is Request else request.url) in self._on_site
