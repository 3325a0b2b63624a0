"""An ordinary spider, as its users write them: every Scrapy side of the benchmark runs this one."""

from collections.abc import Iterator
from typing import Any

import scrapy
from scrapy.http import Response


class Pages(scrapy.Spider):
    """Makes an item of each page and follows its links."""

    name = "pages"

    def __init__(self, start: str = "", **arguments: Any) -> None:  # noqa: ANN401 - Scrapy's own signature
        super().__init__(**arguments)
        self.start_urls = [start]

    def parse(self, response: Response, **_: Any) -> Iterator[Any]:  # noqa: ANN401 - Scrapy's own signature
        """Take three values and the links: four CSS queries."""
        yield {
            "url": response.url,
            "title": response.css("h1::text").get(),
            "description": response.css("meta[name=description]::attr(content)").get(),
            "price": response.css("p.price::text").get(),
        }
        for link in response.css("ul.links a::attr(href)").getall():
            yield response.follow(link)
