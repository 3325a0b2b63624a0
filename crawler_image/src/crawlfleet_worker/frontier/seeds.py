"""Which worker runs `start()`? The one that claims the seeds; the others wait until it is through, or gone.

What a run of `start()` yields has the same identities each time, so one that was cut short is simply run again.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any, Final

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import CloseSpider, DontCloseSpider

from crawlfleet_frontier.errors import Fenced
from crawlfleet_worker.engine import session_of
from crawlfleet_worker.exits import ExitCode, last_line
from crawlfleet_worker.frontier.gateway import lasting
from crawlfleet_worker.frontier.holdings import Holdings
from crawlfleet_worker.session import Session

CLAIM_SECONDS: Final = 1.0
"""How often a worker asks whether the one that seeds is through."""

logger = logging.getLogger(__name__)


class SeedGate:
    """Outermost spider middleware around start()."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._ordinal = 0

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "SeedGate":
        """Build it for this crawler."""
        return cls(session_of(crawler))

    async def process_start(self, start: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """Pass start() on where this worker is the one to seed."""
        if self._session.contract.seeds.type != "Spider":
            return
        holdings = self._session.holdings
        if holdings is None:
            raise RuntimeError("the scheduler is not open")
        while await self._claim(holdings):
            async for one in self._seeds(start, holdings):
                yield one
            if await self._through(holdings):
                return

    async def _claim(self, holdings: Holdings) -> bool:
        """Wait for the claim; False where all is seeded, or this worker drains."""
        while self._session.phase != "draining":
            word = await lasting(holdings.client.claim_seeds)
            if word != "wait":
                return word == "run"
            await asyncio.sleep(CLAIM_SECONDS)
        return False

    async def _seeds(self, start: AsyncIterator[Any], holdings: Holdings) -> AsyncIterator[Any]:
        try:
            async for one in start:
                if self._session.phase == "draining":
                    return
                if isinstance(one, Request):
                    holdings.lineage.seed(one, self._ordinal)
                    self._ordinal += 1
                yield one
        except CloseSpider:
            raise
        except Exception as error:
            message = f"start() raised: {last_line(error)}. It is run again, from its beginning, by the next worker"
            self._session.end_with(ExitCode.WORKER_CRASHED, message)
            raise

    async def _through(self, holdings: Holdings) -> bool:
        """Say that all seeds are admitted; False where the claim was lost meanwhile, and is to be made again."""
        while holdings.pinned_seeds and self._session.phase != "draining":
            await holdings.seeds_ended.wait()
        try:
            if self._session.phase == "draining":
                await holdings.client.abandon_seeds()
            else:
                await holdings.client.seeds_done()
        except Fenced:
            return self._session.phase == "draining"
        return True


class StayOpen:
    """Keeps the spider open: whether the crawl is over is the operator's decision."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "StayOpen":
        """Connect to the signals of this crawler."""
        extension = cls()
        crawler.signals.connect(extension.stay_open, signal=signals.spider_idle)
        return extension

    def stay_open(self) -> None:
        """Refuse to close."""
        raise DontCloseSpider
