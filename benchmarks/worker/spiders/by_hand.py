"""A spider that follows links itself."""

from collections.abc import Iterator
from typing import Any

import scrapy
from scrapy.http import Response

from benchmarks.worker.reading import READINGS, known_pages


class Pages(scrapy.Spider):
    """Makes an item of each page and follows its links, where they are told to it only those to pages that it knows."""

    name = "callbacks"

    def __init__(self, start: str = "", reading: str = "generated", known: str = "", **arguments: Any) -> None:  # noqa: ANN401 - Scrapy's own signature
        super().__init__(**arguments)
        self.start_urls = start.split()
        self.reading = READINGS[reading]
        self.known = known_pages(known)

    def parse(self, response: Response, **_: Any) -> Iterator[Any]:  # noqa: ANN401 - Scrapy's own signature
        """Take the fields and the links: a CSS query each."""
        yield self.reading.item(response.url, response)
        for link in response.css(self.reading.links).getall():
            if self.known is None or response.urljoin(link).partition("#")[0] in self.known:
                yield response.follow(link)
