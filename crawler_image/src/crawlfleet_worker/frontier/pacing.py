"""Who lets a request onto the wire, and when? Nothing is sent without a slot of its host.

The download handlers of http and https: they wrap whatever handlers the project wants. The last point before the
wire, so robots.txt, media and `download_async` pass it like pages do. A slot's host and time are looked at right before
the request is sent; what ran out goes back unused, and another one is asked for by name.
"""

import asyncio
from contextlib import suppress
from typing import Any, ClassVar, Final

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import DownloadFailedError, DownloadTimeoutError
from scrapy.http import Response

from crawlfleet_frontier.client import clock
from crawlfleet_frontier.identity import host_of
from crawlfleet_worker.frontier.answers import outcome_of
from crawlfleet_worker.frontier.delegate import Delegate
from crawlfleet_worker.frontier.own_pace import DELEGATES, MOST_HOSTS, OWN_PACE, OwnPace
from crawlfleet_worker.frontier.ports import Slot, wiring_of
from crawlfleet_worker.frontier.sending import Gate, SendByPassed, repeats

MOST_LAPSES: Final = 5
"""Slots of one request that may run out while it connects, before it fails like a time-out."""


class Paced:
    """A download handler that waits for a slot before it lets another one download."""

    lazy: ClassVar[bool] = False
    scheme: ClassVar[str]

    def __init__(self, crawler: Crawler) -> None:
        wiring = wiring_of(crawler)
        self._pacer, self._slots = wiring.pacer, wiring.slots
        handlers = {**crawler.settings.getdict("DOWNLOAD_HANDLERS_BASE"), **crawler.settings.getdict(DELEGATES)}
        self.delegate = Delegate(crawler, self.scheme, handlers[self.scheme])
        """The project's handler, below the pace."""
        self._own = OwnPace(crawler.settings.getdict(OWN_PACE))
        self._told: dict[str, float] = {}
        self._open: dict[Request, Gate] = {}
        crawler.signals.connect(self._headers_received, signals.headers_received)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "Paced":
        """Build the handler from the crawler's settings and wiring."""
        return cls(crawler)

    async def download_request(self, request: Request) -> Response:
        """Download under a slot. Raises HostBlocked, and whatever the project's handler raises."""
        host = host_of(request.url)
        slot = self._leased(request, host)
        lapses, drops = 0, 0
        while True:
            self._tell_own_pace(host, request)
            slot = slot or await self._pacer.slot(request)
            try:
                return await self._send(request, host, slot)
            except SendByPassed:
                lapses += 1
                if lapses == MOST_LAPSES:
                    raise _too_slow(request) from None
            except _Dropped as again:
                drops += 1
                if drops > again.most:
                    raise again.error from again.error.__cause__
            slot = None

    async def close(self) -> None:
        """Close the project's handler."""
        await self.delegate.close()

    def _leased(self, request: Request, host: str) -> Slot | None:
        slot = self._slots.take(request)
        if slot is not None and slot.host != host:
            slot.unused()
            return None
        return slot

    async def _send(self, request: Request, host: str, slot: Slot) -> Response:
        """Send once, and end the slot once. SendByPassed: nothing was sent; _Dropped: it may be sent again."""
        response, opened = None, Gate(slot)
        try:
            self.delegate.ready()
            wait = slot.not_before - clock.now()
            if wait > 0:
                await asyncio.sleep(wait)
            response = await self._pass(request, opened)
        except DownloadFailedError as error:
            most = repeats(request, error, opened)
            if most:
                raise _Dropped(error, most) from error
            raise
        finally:
            self._end(opened, response)
        self._own.answered(host, request, response)
        return response

    async def _pass(self, request: Request, opened: Gate) -> Response:
        """Let the project's handler download within the gate. A connection tried in vain counts as sent."""
        before = opened.enter()
        self._open[request] = opened
        try:
            if not self.delegate.gated:
                opened.open()
            return await self.delegate.download(request)
        except SendByPassed:
            raise
        except BaseException:
            with suppress(SendByPassed):
                opened.open()
            raise
        finally:
            del self._open[request]
            opened.leave(before)

    def _end(self, opened: Gate, response: Response | None) -> None:
        if not opened.passed:
            opened.slot.unused()
            return
        now = clock.now()
        opened.slot.used(max(0.0, now - (opened.first_byte or now)), outcome_of(response))

    def _headers_received(self, request: Request, **_: Any) -> None:  # noqa: ANN401 - the signal's other arguments
        opened = self._open.get(request)
        if opened is not None and opened.first_byte is None:
            opened.heard()

    def _tell_own_pace(self, host: str, request: Request) -> None:
        delay = self._own.delay_on(host, request)
        if delay != self._told.get(host, 0.0):
            if len(self._told) >= MOST_HOSTS:
                self._told.clear()
            self._told[host] = delay
            self._pacer.at_least(host, delay, "spider")


class PacedHttp(Paced):
    """For http://."""

    scheme = "http"


class PacedHttps(Paced):
    """For https://."""

    scheme = "https"


class _Dropped(Exception):  # noqa: N818 - says what happened
    """The server dropped the kept connection: send it again under another slot, `most` times."""

    def __init__(self, error: Exception, most: int) -> None:
        super().__init__(str(error))
        self.error, self.most = error, most


def _too_slow(request: Request) -> DownloadTimeoutError:
    return DownloadTimeoutError(f"{request}: {MOST_LAPSES} slots ran out before a connection stood")
