"""Follow every link, make an item of each page, and die where a trap says so.

A trap is a file in the folder `traps` that the first worker to come by takes away. By `callback` it dies in the middle
of its callback; by `settle` right after it; by `poison` it makes its page the poison page (if it has no links), and
every worker that gets that page dies. Without traps it is a spider like any other.
"""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import scrapy
from scrapy.http import Response
from scrapy_redis.spiders import RedisSpider


class Following(scrapy.Spider):
    """What both spiders do with a page."""

    def __init__(self, start: str = "", traps: str = "", **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(**kwargs)
        self.start_urls = [start] if start else []
        self._traps = Path(traps)

    async def parse(self, response: Response, **kwargs: Any) -> AsyncIterator[Any]:  # noqa: ANN401
        """Yield the page's item, then its links."""
        links = response.css("a::attr(href)").getall()
        if not links:
            self._beware(response.url)
        caught = self._caught("callback")
        yield {"url": response.url}
        for link in links[: len(links) // 2 if caught else None]:
            yield response.follow(link)
        if caught:
            self._die("callback", response.url)
        if self._caught("settle"):
            # What the callback gave is through the scraper's hands by then, and nothing is settled so soon.
            asyncio.get_running_loop().call_later(0.01, self._die, "settle", response.url)

    def _beware(self, url: str) -> None:
        """Die of the poison page; be the first to, where one is wanted."""
        poison = self._traps / "poison.url"
        if self._caught("poison"):
            poison.write_text(url)
        if poison.exists() and poison.read_text() == url:
            self._die("poison", url)

    def _caught(self, trap: str) -> bool:
        """Whether this worker is the one that takes the trap away."""
        try:
            (self._traps / trap).unlink()
        except FileNotFoundError:
            return False
        return True

    def _die(self, trap: str, url: str) -> None:
        word = {"url": url, "pod": os.environ.get("CRAWLFLEET_POD_UID", "")}
        with (self._traps / f"{trap}.caught").open("a") as file:
            file.write(json.dumps(word) + "\n")
        os.kill(os.getpid(), signal.SIGKILL)


class Maze(Following):
    """The crawl of a drawn site."""

    name = "maze"


class PeerMaze(Following, RedisSpider):  # type: ignore[misc]
    """The same as scrapy-redis wants it: seeds come by a key, and the spider waits for more when there is nothing."""

    name = "peer-maze"
    redis_key = "peer:start_urls"
