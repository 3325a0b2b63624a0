"""`python -m benchmarks.worker.floor '{"start": URL, …}'`: the bare loop, below which no worker of this kind comes.

One aiohttp session with 64 open, the spider's selectors and links, a set against duplicates, no logging.
"""

import asyncio
import json
import sys
from typing import Final
from urllib.parse import urljoin

import aiohttp
from parsel import Selector

from benchmarks.worker.meter import Meter
from benchmarks.worker.reading import READINGS, known_pages

OPEN: Final = 64


class Loop:
    """One crawl."""

    def __init__(self, session: aiohttp.ClientSession, start: str, reading: str = "generated", known: str = "") -> None:
        self._session = session
        self._reading = READINGS[reading]
        self._known = known_pages(known)
        self._seen = set(start.split())
        self._queue: asyncio.Queue[str] = asyncio.Queue()
        for url in self._seen:
            self._queue.put_nowait(url)
        self.items = 0

    async def run(self) -> None:
        """Fetch until nothing new is found."""
        workers = [asyncio.create_task(self._work()) for _ in range(OPEN)]
        joined = asyncio.create_task(self._queue.join())
        ended, going = await asyncio.wait([joined, *workers], return_when=asyncio.FIRST_COMPLETED)
        for task in going:
            task.cancel()
        await asyncio.gather(*going, return_exceptions=True)
        for task in ended:
            task.result()  # raises what a page has raised

    async def _work(self) -> None:
        while True:
            url = await self._queue.get()
            async with self._session.get(url) as response:
                self._parse(url, await response.text())
            self._queue.task_done()

    def _parse(self, url: str, text: str) -> None:
        page = Selector(text=text, type="html")
        self.items += bool(self._reading.item(url, page)["title"])
        for link in page.css(self._reading.links).getall():
            found = urljoin(url, link).partition("#")[0]
            if found not in self._seen and (self._known is None or found in self._known):
                self._seen.add(found)
                self._queue.put_nowait(found)


async def crawl(arguments: dict[str, str]) -> None:
    """Crawl the site and write what it used."""
    connector = aiohttp.TCPConnector(limit=OPEN)
    async with aiohttp.ClientSession(connector=connector) as session:
        loop, meter = Loop(session, **arguments), Meter()
        await loop.run()
        meter.write(loop.items)


if __name__ == "__main__":
    asyncio.run(crawl(json.loads(sys.argv[1])))
