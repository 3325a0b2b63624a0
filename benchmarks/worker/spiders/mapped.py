"""A SitemapSpider: what there is to fetch stands in a sitemap, and no page is asked for its links."""

from typing import Any

from scrapy.http import Response
from scrapy.spiders import SitemapSpider

from benchmarks.worker.reading import READINGS


class MappedPages(SitemapSpider):
    """Makes an item of each page that a sitemap names."""

    name = "sitemap"

    def __init__(self, start: str = "", reading: str = "generated", **arguments: Any) -> None:  # noqa: ANN401 - Scrapy's own signature
        super().__init__(**arguments)
        self.sitemap_urls = start.split()
        self.reading = READINGS[reading]

    def parse(self, response: Response, **_: Any) -> dict[str, str | None]:  # noqa: ANN401 - Scrapy's own signature
        """Return the fields of a page."""
        return self.reading.item(response.url, response)
