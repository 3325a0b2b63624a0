"""The generated site: pages of about 10 KB with ten links each, all of them reachable, the same ones each time."""

import random
from collections.abc import Iterator
from typing import Final

from tests.servers.site import page_path

LINKS: Final = 10
PARAGRAPHS: Final = 24
WORDS: Final = (
    *("crawl", "fleet", "page", "link", "host", "queue", "lease", "slot", "reply", "parse", "item", "seed", "table"),
    *("index", "chapter", "library", "catalogue", "record", "search", "result", "author", "title", "price", "shelf"),
    *("reader", "archive", "volume", "edition", "weather", "harbour", "lantern", "river", "copper", "violet"),
)


def generated(count: int) -> dict[str, bytes]:
    """Return path → body of pages 0 to `count` - 1; page 0 leads to all of them."""
    return {page_path(number): _page(number, count) for number in range(count)}


def links_of(number: int, count: int) -> list[int]:
    """Return the pages that a page links to: its two children in a binary tree, the others anywhere but the root.

    Scrapy does not filter start URLs, so that a link back to the root would fetch it twice.
    """
    choice = random.Random(number)
    children = [child for child in (2 * number + 1, 2 * number + 2) if child < count]
    return [*children, *(choice.randrange(1, count) for _ in range(LINKS - len(children)))]


def _page(number: int, count: int) -> bytes:
    choice = random.Random(-1 - number)
    links = "".join(f'<li><a href="{page_path(to)}">Page {to}</a></li>\n' for to in links_of(number, count))
    head = f'<title>Page {number}</title><meta name="description" content="Number {number} of {count}">'
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">{head}</head>\n<body>\n<h1>Page {number}</h1>\n'
        f'<p class="price">{number % 997}.{number % 100:02d}</p>\n<ul class="links">\n{links}</ul>\n'
        f'<div class="text">\n{"".join(_paragraphs(choice))}</div>\n</body></html>\n'
    ).encode()


def _paragraphs(choice: random.Random) -> Iterator[str]:
    for position in range(PARAGRAPHS):
        words = " ".join(choice.choices(WORDS, k=50))
        yield f'<p id="p{position}">{words[:1].upper()}{words[1:]} <em>{choice.choice(WORDS)}</em>.</p>\n'
