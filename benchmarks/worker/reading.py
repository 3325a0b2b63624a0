"""What does every side take from a page? CSS queries, the same ones for each side."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from parsel import SelectorList

PAGE: Final = r"(/|\.html)([?#]|$)"
"""An address that looks like a page, whatever its fragment or query: what a CrawlSpider's rule allows."""


class Page(Protocol):
    """A page that answers CSS queries: Scrapy's response, or parsel's selector in the loop that knows no Scrapy."""

    def css(self, query: str, /) -> SelectorList[Any]:
        """Return what fits."""


@dataclass(frozen=True)
class Reading:
    """CSS queries for the fields of an item, by name, and for the links."""

    fields: Mapping[str, str]
    links: str

    def item(self, url: str, page: Page) -> dict[str, str | None]:
        """Return the fields of a page."""
        return {"url": url, **{name: page.css(query).get() for name, query in self.fields.items()}}


READINGS: Final[Mapping[str, Reading]] = {
    "generated": Reading(
        {"title": "h1::text", "description": "meta[name=description]::attr(content)", "price": "p.price::text"},
        "ul.links a::attr(href)",
    ),
    "documentation": Reading({"title": "title::text", "heading": "h1::text"}, "a::attr(href)"),
}


def known_pages(file: str) -> frozenset[str] | None:
    """Return the URLs that a crawl may follow, one a line of the file; None, without a file, is all of them."""
    return frozenset(Path(file).read_text(encoding="utf-8").split()) if file else None
