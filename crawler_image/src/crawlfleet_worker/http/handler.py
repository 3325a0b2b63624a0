"""Scrapy's side: a download handler for http and https that gives what Scrapy's aiohttp handler gives.

What becomes of a response (signals, StopDownload, DOWNLOAD_MAXSIZE and WARNSIZE, data loss, its class) is left to
Scrapy's own base class, which is why this holds for Scrapy 2.19 only. A request is written once: where its connection
dies, an exception says so, and others decide. What `outgoing` does not take goes to Scrapy's handler.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, ClassVar, Final

from scrapy import Request
from scrapy.core.downloader.handlers._base_streaming import BaseStreamingDownloadHandler, _BaseResponseArgs
from scrapy.crawler import Crawler
from scrapy.http import Headers, Response
from scrapy.utils.ssl import _log_sslobj_debug_info

from crawlfleet_worker.http.answer import Answer, Lines
from crawlfleet_worker.http.connecting import Connector
from crawlfleet_worker.http.connection import nothing
from crawlfleet_worker.http.exchange import BodyBroken
from crawlfleet_worker.http.names import Names
from crawlfleet_worker.http.outgoing import NotOurs, outgoing
from crawlfleet_worker.http.pool import Pool
from crawlfleet_worker.http.tls import Sessions
from crawlfleet_worker.http.wire import Watched

BUFFER_BYTES: Final = 128 * 1024
"""What is read at most in one turn of the loop from one connection."""


class OwnHandler(Watched, BaseStreamingDownloadHandler[Answer]):
    """Downloads over connections of its own."""

    supports_per_request_bindaddress: ClassVar[bool] = True  # Scrapy's handler says that it does not, once

    def __init__(self, crawler: Crawler, stock: Any, left: Callable[[], None] = nothing) -> None:  # noqa: ANN401
        """`stock`: Scrapy's handler, for requests that are not ours (`left` is told of each); closed with this one."""
        super().__init__(crawler)
        self._stock, self._left = stock, left
        settings, sessions = crawler.settings, Sessions(crawler.settings)
        self._names = Names(settings.getint("DNSCACHE_SIZE") if settings.getbool("DNSCACHE_ENABLED") else 0)
        connector = Connector(self._names, sessions, self._bind_address)
        self.pool = Pool(self._pool_size_per_host)
        self._lines = Lines(self.pool, connector, sessions, memoryview(bytearray(BUFFER_BYTES)))

    async def download_request(self, request: Request) -> Response:
        """Download, or let Scrapy's handler. Raises the exceptions that Scrapy's handlers raise."""
        try:
            return await super().download_request(request)
        except NotOurs:
            self._left()
            response: Response = await self._stock.download_request(request)
            return response

    async def close(self) -> None:
        """Close all connections, and Scrapy's handler."""
        self._names.close()
        try:
            await self.pool.close()
            self._lines.deadlines.close()
        finally:
            await self._stock.close()

    # What Scrapy's base class asks for.

    def _make_request(self, request: Request, timeout: float) -> Answer:
        return Answer(self._lines, request.url, outgoing(request), timeout, self.wire())

    @staticmethod
    def _extract_headers(response: Answer) -> Headers:
        grouped: dict[bytes, list[bytes]] = {}
        for name, value in response.exchange.headers:
            grouped.setdefault(_titled(name), []).append(value)
        headers = Headers()
        dict.update(headers, grouped)  # what its own update comes to, for names and values that are bytes
        return headers

    @staticmethod
    def _build_base_response_args(response: Answer, request: Request, headers: Headers) -> _BaseResponseArgs:
        return {
            "status": response.exchange.status,
            "url": request.url,
            "headers": headers,
            "certificate": response.connection.certificate,
            "ip_address": response.connection.address,
            "protocol": response.exchange.version,
        }

    @staticmethod
    def _iter_body_chunks(response: Answer) -> Answer:
        return response

    @staticmethod
    def _is_dataloss_exception(exc: Exception) -> bool:
        return isinstance(exc, BodyBroken)

    def _log_tls_info(self, response: Answer, request: Request) -> None:
        if response.connection.tls is not None:
            _log_sslobj_debug_info(response.connection.tls)


def _titled(name: bytes) -> bytes:
    """Return a header's name as Scrapy writes it; short ones, which come again, are remembered."""
    return _short_titled(name) if len(name) <= 64 else name.title()


_short_titled = lru_cache(1_000)(bytes.title)
