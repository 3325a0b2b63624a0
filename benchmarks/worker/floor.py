"""`python -m benchmarks.worker.floor URL`: the bare loop, below which no worker of this kind comes.

One aiohttp session with 64 open, the spider's selectors and links, a set against duplicates, no logging.
"""

import asyncio
import sys
from typing import Final
from urllib.parse import urljoin

import aiohttp
from parsel import Selector

from benchmarks.worker.meter import Meter

OPEN: Final = 64


class Loop:
    """One crawl."""

    def __init__(self, session: aiohttp.ClientSession, start: str) -> None:
        self._session = session
        self._seen = {start}
        self._queue: asyncio.Queue[str] = asyncio.Queue()
        self._queue.put_nowait(start)
        self.items = 0

    async def run(self) -> None:
        """Fetch until nothing new is found."""
        workers = [asyncio.create_task(self._work()) for _ in range(OPEN)]
        await self._queue.join()
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            url = await self._queue.get()
            async with self._session.get(url) as response:
                self._parse(url, await response.text())
            self._queue.task_done()

    def _parse(self, url: str, text: str) -> None:
        page = Selector(text=text, type="html")
        item = {
            "url": url,
            "title": page.css("h1::text").get(),
            "description": page.css("meta[name=description]::attr(content)").get(),
            "price": page.css("p.price::text").get(),
        }
        self.items += all(item.values())
        for link in page.css("ul.links a::attr(href)").getall():
            found = urljoin(url, link)
            if found not in self._seen:
                self._seen.add(found)
                self._queue.put_nowait(found)


async def crawl(start: str) -> None:
    """Crawl the site and write what it used."""
    connector = aiohttp.TCPConnector(limit=OPEN)
    async with aiohttp.ClientSession(connector=connector) as session:
        loop, meter = Loop(session, start), Meter()
        await loop.run()
        meter.write(loop.items)


if __name__ == "__main__":
    asyncio.run(crawl(sys.argv[1]))
