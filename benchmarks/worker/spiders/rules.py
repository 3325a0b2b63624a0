"""A CrawlSpider: what is followed stands in a rule, and a LinkExtractor finds it."""

from typing import Any

from scrapy.http import Response
from scrapy.link import Link
from scrapy.linkextractors import LinkExtractor
from scrapy.spiders import CrawlSpider, Rule

from benchmarks.worker.reading import PAGE, READINGS, known_pages


class RuledPages(CrawlSpider):
    """Makes an item of each page that its one rule leads to."""

    name = "rules"
    rules = (Rule(LinkExtractor(allow=PAGE), callback="parse_page", follow=True, process_links="only_known"),)

    def __init__(self, start: str = "", reading: str = "generated", known: str = "", **arguments: Any) -> None:  # noqa: ANN401 - Scrapy's own signature
        super().__init__(**arguments)
        self.start_urls = start.split()
        self.reading = READINGS[reading]
        self.known = known_pages(known)

    def parse_start_url(self, response: Response, **_: Any) -> list[Any]:  # noqa: ANN401 - Scrapy's own signature
        """Make an item of where it begins, too."""
        return [self.parse_page(response)]

    def parse_page(self, response: Response) -> dict[str, str | None]:
        """Return the fields of a page."""
        return self.reading.item(response.url, response)

    def only_known(self, links: list[Link]) -> list[Link]:
        """Leave out what leads elsewhere, where the pages are told to the spider."""
        known = self.known
        return links if known is None else [link for link in links if link.url.partition("#")[0] in known]
