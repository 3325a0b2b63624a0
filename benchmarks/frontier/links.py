"""Which links does a crawl find? The same for ours and for the peer: real shapes, made from a number."""

import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

LENGTH: Final = 70
"""Characters of a URL, on average that of a link in the documentation pages."""


@dataclass(frozen=True, slots=True)
class Link:
    """One URL with its host and the id that its fingerprint has."""

    url: str
    host: str
    id: str


def link(number: int, hosts: int) -> Link:
    """Return the `number`-th link over that many hosts; always the same one."""
    host = f"h{number % hosts}.example"
    path = f"https://{host}/docs/{number:x}-"
    url = path + hashlib.sha256(str(number).encode()).hexdigest()[: max(1, LENGTH - len(path))]
    digest = hashlib.sha1(url.encode(), usedforsecurity=False).digest()
    return Link(url, host, str(int.from_bytes(digest[:8], "big", signed=True)))


def pages(count: int, links_per_page: int, known_share: float, hosts: int, seed: int = 1) -> Iterator[Sequence[Link]]:
    """Yield the links of each page; `known_share` of them were on an earlier one."""
    choice, new = random.Random(seed), 0
    for _ in range(count):
        found = []
        for _ in range(links_per_page):
            if new and choice.random() < known_share:
                found.append(link(choice.randrange(new), hosts))
            else:
                found.append(link(new, hosts))
                new += 1
        yield found
