"""How does a worker end without losing its work?

It takes nothing new, lets what runs finish, and gives back the rest.

The operator's SIGTERM leaves `grace` seconds until SIGKILL. Running requests get `grace - 5` of them (at
least one); what remains is for giving back and for the last beat, and holds with servers that never answer.
"""

import asyncio
import logging
import os
import sys
from collections.abc import Callable
from contextlib import suppress

import redis

from crawlfleet_worker.engine import EngineHandle, WorkerCrawler
from crawlfleet_worker.session import Session

RESERVE_SECONDS = 5.0
"""Kept of the grace for giving back, closing the spider, and the last beat."""
CLOSE_SECONDS = 2.0
"""For pipelines and extensions to close."""
LOOK_SECONDS = 0.2
"""How often a drain looks whether Redis has gone."""

logger = logging.getLogger(__name__)


class Drain:
    """The end of one worker. `begin` may be called from any thread and from a signal handler."""

    def __init__(self, crawler: WorkerCrawler, loop: asyncio.AbstractEventLoop, finish: Callable[[], int]) -> None:
        self._crawler, self._session, self._loop = crawler, crawler.session, loop
        self._finish = finish
        self._engine = EngineHandle(crawler)
        self._hurry = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.begun = False

    def begin(self) -> None:
        """Drain; a second call ends the waiting at once."""
        with suppress(RuntimeError):  # the loop is closed: the worker is ending anyway
            self._loop.call_soon_threadsafe(self._begin)

    def _begin(self) -> None:
        if self._task is not None:
            self._hurry.set()
            return
        self.begun = True
        self._session.phase = "draining"
        if self._session.holdings is not None:
            self._session.holdings.drain()
        self._task = self._loop.create_task(self._run())

    async def _run(self) -> None:
        try:
            await self._drain()
        except Exception:
            logger.exception("The drain failed: the worker ends at once")
            self._exit()

    async def _drain(self) -> None:
        if not self._engine.running:
            self._exit()
        seconds = max(1.0, self._session.contract.grace_seconds - RESERVE_SECONDS)
        logger.info("Draining: %d requests in progress, up to %.0f s", len(self._session.taken), seconds)
        await self._wait_for_requests(seconds)
        unfinished = await self._give_back()
        self._engine.abandon()
        closing = self._loop.create_task(self._crawler.stop_async())
        done, _ = await asyncio.wait([closing], timeout=CLOSE_SECONDS)
        if unfinished or not done:
            self._exit()

    async def _give_back(self) -> int:
        """Give back what is unfinished, before the engine's end tells errbacks of it; return how many requests."""
        if self._session.leaving is None:
            return give_back(self._session)
        unfinished = len(self._session.taken)
        if unfinished:
            await asyncio.wait({self._loop.create_task(self._leave())}, timeout=CLOSE_SECONDS)
        return unfinished

    async def _leave(self) -> None:
        if self._session.leaving is not None:
            await self._session.leaving()

    async def _wait_for_requests(self, seconds: float) -> None:
        waits = [
            self._loop.create_task(self._session.nothing_taken.wait()),
            self._loop.create_task(self._hurry.wait()),
            self._loop.create_task(self._redis_gone()),
        ]
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()

    async def _redis_gone(self) -> None:
        scheduler = self._session.scheduler
        if scheduler is None:  # with engine: Frontier nothing is lost where Redis stays away
            await asyncio.Event().wait()
        while scheduler is not None and not scheduler.outage.away:
            scheduler.has_pending_requests()
            await asyncio.sleep(LOOK_SECONDS)

    def _exit(self) -> None:
        """End the process without waiting for downloads and callbacks that do not end."""
        code = self._finish()
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def give_back(session: Session) -> int:
    """Push unfinished and kept requests to the queue; return how many were unfinished.

    Redis away: they are lost.
    """
    scheduler, unfinished = session.scheduler, len(session.taken)
    if scheduler is None:
        return 0
    try:
        for recover in session.recover:
            recover()
        scheduler.push_kept()
        given = scheduler.give_back()
    except redis.RedisError as error:
        logger.error("%d requests are lost: Redis does not take them back (%s)", unfinished, error)
        return unfinished
    if session.unsent:
        logger.error("%d new requests are lost: Redis does not answer", session.unsent)
    if given:
        logger.info("Gave %d unfinished requests back to the queue", given)
    return unfinished
