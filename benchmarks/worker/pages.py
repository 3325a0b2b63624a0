"""The generated sites: pages of about 10 KB with ten links each, or 130 KB with 460, all reachable, always the same."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tests.servers.site import page_path

LINKS: Final = 10
WORDS: Final = (
    *("crawl", "fleet", "page", "link", "host", "queue", "lease", "slot", "reply", "parse", "item", "seed", "table"),
    *("index", "chapter", "library", "catalogue", "record", "search", "result", "author", "title", "price", "shelf"),
    *("reader", "archive", "volume", "edition", "weather", "harbour", "lantern", "river", "copper", "violet"),
)


@dataclass(frozen=True)
class Shape:
    """How much a page holds."""

    links: int
    paragraphs: int


SMALL: Final = Shape(LINKS, paragraphs=24)
LARGE: Final = Shape(links=460, paragraphs=290)


def generated(count: int, shape: Shape = SMALL) -> dict[str, bytes]:
    """Return path → body of pages 0 to `count` - 1; page 0 leads to all of them."""
    return {page_path(number): _page(number, count, shape) for number in range(count)}


def links_of(number: int, count: int, links: int = LINKS) -> list[int]:
    """Return the pages that a page links to: its two children in a binary tree, the others anywhere but the root.

    Scrapy does not filter start URLs, so that a link back to the root would fetch it twice.
    """
    choice = random.Random(number)
    children = [child for child in (2 * number + 1, 2 * number + 2) if child < count]
    return [*children, *(choice.randrange(1, count) for _ in range(links - len(children)))]


def _page(number: int, count: int, shape: Shape) -> bytes:
    choice = random.Random(-1 - number)
    targets = links_of(number, count, shape.links)
    links = "".join(f'<li><a href="{page_path(to)}">Page {to}</a></li>\n' for to in targets)
    head = f'<title>Page {number}</title><meta name="description" content="Number {number} of {count}">'
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">{head}</head>\n<body>\n<h1>Page {number}</h1>\n'
        f'<p class="price">{number % 997}.{number % 100:02d}</p>\n<ul class="links">\n{links}</ul>\n'
        f'<div class="text">\n{"".join(_paragraphs(choice, shape.paragraphs))}</div>\n</body></html>\n'
    ).encode()


def _paragraphs(choice: random.Random, count: int) -> Iterator[str]:
    for position in range(count):
        words = " ".join(choice.choices(WORDS, k=50))
        yield f'<p id="p{position}">{words[:1].upper()}{words[1:]} <em>{choice.choice(WORDS)}</em>.</p>\n'
