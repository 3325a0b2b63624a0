"""Where do the seeds come from when they are not the spider's own?

From a Redis key, whenever the queue is empty.

It works for any spider: an ordinary one, a CrawlSpider, or one of scrapy-redis, whose own reader is switched
off (it looks only when the spider is idle). Small batches keep what is not yet wanted in the key, where other
workers find it.
"""

import logging
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import redis
from scrapy import Request, Spider, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import DontCloseSpider
from scrapy_redis.spiders import RedisMixin

from crawlfleet_frontier import counters
from crawlfleet_worker.clients import loop_client
from crawlfleet_worker.engine import session_of
from crawlfleet_worker.outage import Outage
from crawlfleet_worker.seeds import request_from_seed
from crawlfleet_worker.session import Session
from crawlfleet_worker.taking import Taker

POLL_SECONDS = 0.5
"""How long an empty key is left alone."""

logger = logging.getLogger(__name__)


class FeedingExtension:
    """Keeps the spider open, and fed from the start URL key where the job has one."""

    def __init__(self, crawler: Crawler, session: Session, taker: Taker, batch: int) -> None:
        self.crawler = crawler
        self.session = session
        self.taker = taker
        self.batch = batch
        self.outage = Outage("for start URLs")
        self._next_look = 0.0
        session.recover.append(self._recover)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "FeedingExtension":
        """Connect to the signals of this crawler."""
        session, settings = session_of(crawler), crawler.settings
        client = loop_client(settings["REDIS_URL"])
        taker = Taker(client, session, settings["REDIS_START_URLS_KEY"], "seeds")
        extension = cls(crawler, session, taker, max(1, settings.getint("CONCURRENT_REQUESTS")))
        crawler.signals.connect(extension.stay_open, signal=signals.spider_idle)
        if session.contract.seeds.type != "Spider":
            crawler.signals.connect(extension.feed, signal=signals.scheduler_empty)
        return extension

    def stay_open(self) -> None:
        """Refuse to close: whether the crawl is over is the operator's decision."""
        raise DontCloseSpider

    def feed(self) -> None:
        """Enqueue the next batch of seeds; called each time the queue turns out to be empty."""
        if self.session.phase != "running" or time.monotonic() < self._next_look or not self.outage.over:
            return
        try:
            self._take()
        except redis.RedisError as error:
            self.outage.failed(error)
        else:
            self.outage.worked()

    def _take(self) -> None:
        with self.taker.taking(self.batch) as seeds:
            for seed in seeds:
                self._enqueue(seed)
        self._next_look = 0.0 if seeds else time.monotonic() + POLL_SECONDS

    def _recover(self) -> None:
        if self.taker.unclear:
            self._take()

    def _enqueue(self, seed: bytes) -> None:
        try:
            for request in self._requests(seed):
                request.meta.setdefault("is_start_request", True)
                self.crawler.engine.crawl(request)
        except Exception:
            logger.exception("No request can be made of the start URL %r", seed[:200])
            self.session.counts.add(counters.labelled(counters.ERRORS, "spider"))

    def _requests(self, seed: bytes) -> Iterable[Request]:
        make = getattr(self.crawler.spider, "make_request_from_data", None)
        if make is None:
            return [request_from_seed(seed)]
        made: Any = make(seed)
        return [made] if isinstance(made, Request) else made or ()


def silence_own_reader(spider: Spider) -> None:
    """Switch off scrapy-redis' own reading of start URLs in a spider of its classes: the feeder does it."""
    if isinstance(spider, RedisMixin):
        with suppress(Exception):  # pydispatch's own errors: it was not connected
            spider.crawler.signals.disconnect(spider.spider_idle, signal=signals.spider_idle)
