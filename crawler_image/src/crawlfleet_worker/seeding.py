"""Does this worker run the spider's start()?

Only where the seeds are the spider's own and nobody has run it through.

Later workers skip it, and so do all workers of a job with inline seeds or a start URL key. A spider that has
only `start_requests()`, which Scrapy since 2.13 plans to forget and 2.19 does not call any more, gets a
start() around it.
"""

import logging
from collections.abc import AsyncIterator, Iterator
from types import MethodType
from typing import Any

from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.exceptions import CloseSpider

from crawlfleet_worker.engine import session_of
from crawlfleet_worker.exits import ExitCode, last_line
from crawlfleet_worker.session import Session

logger = logging.getLogger(__name__)


class StartGate:
    """Outermost spider middleware around start(): what it has yielded, the engine has enqueued."""

    def __init__(self, session: Session) -> None:
        self.session = session

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "StartGate":
        """Build it for this crawler."""
        return cls(session_of(crawler))

    async def process_start(self, start: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """Pass start() on, or nothing of it; note when it has ended by itself."""
        if self.session.contract.seeds.type != "Spider" or self.session.seeded:
            return
        try:
            async for request_or_item in start:
                if self.session.phase == "draining":
                    return
                yield request_or_item
        except CloseSpider:
            raise
        except Exception as error:
            message = f"start() raised: {last_line(error)}. It is run again, from its beginning, by the next worker"
            self.session.end_with(ExitCode.WORKER_CRASHED, message)
            raise
        self.session.start_done = True


def give_start(spider: Spider) -> None:
    """Let `start_requests()` be called where it is younger than start() in the spider's family."""
    if not hasattr(Spider, "start_requests"):
        Spider.start_requests = _start_requests  # type: ignore[attr-defined]
    if _owner(spider, "start_requests") < _owner(spider, "start"):
        logger.info("Spider %r has start_requests() and no start(): it is called instead", spider.name)
        spider.start = MethodType(_start, spider)  # type: ignore[method-assign]


def _owner(spider: Spider, method: str) -> int:
    """Return how far up the family the method is defined; 0 is the spider's own class."""
    family = type(spider).__mro__
    return next((distance for distance, cls in enumerate(family) if method in vars(cls)), len(family))


async def _start(spider: Spider) -> AsyncIterator[Any]:
    requests = spider.start_requests()  # type: ignore[attr-defined]
    if hasattr(requests, "__aiter__"):
        async for request in requests:
            yield request
        return
    for request in requests or ():
        yield request


def _start_requests(spider: Spider) -> Iterator[Request]:
    """Stand in for what `super().start_requests()` was in Scrapy before 2.19."""
    for url in spider.start_urls:
        yield Request(url, dont_filter=True)
