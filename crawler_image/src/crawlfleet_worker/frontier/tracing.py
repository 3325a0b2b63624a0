"""What is seen of a request on its way through the engine? Notes for who decides how its lease ends."""

from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import Response
from twisted.python.failure import Failure

from crawlfleet_worker.engine import has_own_errback
from crawlfleet_worker.fast.tally import Tally
from crawlfleet_worker.frontier.holdings import Holdings
from crawlfleet_worker.frontier.robots import RobotsUnavailable


class Tracer:
    """Follows each request of ours through the engine (`engine.Trace`)."""

    def __init__(self, crawler: Crawler, holdings: Holdings) -> None:
        self._crawler, self._holdings, self._lineage = crawler, holdings, holdings.lineage
        self.tally: Tally | None = None
        """Who counts the pages that leave."""

    def downloaded(self, result: Response | Request | Failure, request: Request) -> bool:
        """Note what a download came to; False where the spider is not to see it."""
        work = self._lineage.work_of(request)
        if work is None:
            return True
        if isinstance(result, Request):
            self._lineage.replaced(request, result)
        elif isinstance(result, Response):
            work.facts.status = result.status
        else:
            work.facts.failure = result.value
        return not (work.holding.lost or isinstance(work.facts.failure, RobotsUnavailable))

    def called(self, result: Response | Failure, request: Request) -> None:
        """Note that a callback or an errback is called."""
        work = self._lineage.work_of(request)
        if work is not None and (isinstance(result, Response) or has_own_errback(request, self._crawler.spider)):
            work.facts.called = True

    def output(self, found: Iterable[Any] | AsyncIterator[Any], request: Request) -> Iterator[Any] | AsyncIterator[Any]:
        """Note what a callback or an errback yields."""
        work = self._lineage.work_of(request)
        if work is not None:
            work.facts.output = True
        return self._lineage.tagged(found, request)

    def failed(self, failure: Failure, request: Request) -> None:
        """Note that the spider's code raised."""
        work = self._lineage.work_of(request)
        if work is not None:
            work.facts.error = work.facts.error or failure.value

    def left(self, request: Request) -> None:
        """Take in that a request has left the engine for good."""
        work = self._lineage.work_of(request)
        if self.tally is not None and work is not None and work.facts.status:
            self.tally.page()
        self._holdings.left(request)
