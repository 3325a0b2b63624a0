"""Scrapy's handler and ours side by side, each fetching alone: what does a request come to?"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from scrapy import Request, Spider
from scrapy.core.downloader.handlers._aiohttp import AiohttpDownloadHandler
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.utils.test import get_crawler

from crawlfleet_worker.http.handler import OwnHandler

SETTINGS = {"TWISTED_REACTOR_ENABLED": False, "TELNETCONSOLE_ENABLED": False, "REMOTE_CONTROL_ENABLED": False}


@dataclass
class Fetcher:
    """One handler and its crawler."""

    crawler: Crawler
    handler: Any

    async def fetch(self, url: str, **fields: Any) -> Response:
        meta = {"download_timeout": 20.0, **fields.pop("meta", {})}
        async with asyncio.timeout(30):
            response: Response = await self.handler.download_request(Request(url, meta=meta, **fields))
            return response

    async def outcome(self, url: str, **fields: Any) -> tuple[Any, ...]:
        """Return all that can be seen of the response, or the exception's class."""
        try:
            response = await self.fetch(url, **fields)
        except Exception as error:
            return (type(error).__name__,)
        seen = (response.status, dict(response.headers), response.body, response.flags, response.protocol)
        return (*seen, type(response).__name__, response.url, response.certificate, response.ip_address)


@asynccontextmanager
async def ours(**settings: Any) -> AsyncIterator[Fetcher]:
    crawler = get_crawler(Spider, {**SETTINGS, **settings})
    handler = OwnHandler(crawler, AiohttpDownloadHandler(crawler))
    try:
        yield Fetcher(crawler, handler)
    finally:
        await handler.close()


@asynccontextmanager
async def stock(**settings: Any) -> AsyncIterator[Fetcher]:
    crawler = get_crawler(Spider, {**SETTINGS, **settings})
    handler = AiohttpDownloadHandler(crawler)
    try:
        yield Fetcher(crawler, handler)
    finally:
        await handler.close()
