"""Which real pages are crawled? Those of the demo's documentation packages that can be reached, the nearest first.

Each book has a host of its own, an address of loopback. Books take turns: any number of pages is of all of them.
"""

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import Final
from urllib.parse import urljoin

from parsel import Selector

from benchmarks.worker.reading import READINGS
from demo.content import BOOKS, CACHE, start_page, unpacked
from demo.errors import DemoError

ROOT: Final = Path(__file__).resolve().parents[2]
HANDBOOK: Final = "debian-handbook"
PLAIN: Final = re.compile(r"http://(?P<host>[\d.]+):\d+/(?P<path>([\w-][\w.-]*/)*([\w-][\w.-]*\.html)?)", re.ASCII)
"""Pages whose address every side writes in the same way."""

Read = Callable[[str], bytes | None]
"""Return a file by its path below the book, or None where there is none."""


@dataclass(frozen=True)
class Page:
    """One page: its URL as it is linked, its file (below the folder of its host), its body."""

    url: str
    file: str
    body: bytes


def hosts() -> tuple[str, ...]:
    """Return an address of loopback for each book."""
    return tuple(f"127.0.0.{number}" for number in range(2, 2 + len(BOOKS)))


def chosen(count: int, port: int) -> list[Page]:
    """Return so many pages of all books, each of them reachable through those before it; the starts come first.

    Raises DemoError where the books have fewer, or where a package cannot be had.
    """
    books = [
        reachable(f"http://{host}:{port}/", partial(_file, unpacked(book, ROOT / CACHE), book.package == HANDBOOK))
        for host, book in zip(hosts(), BOOKS, strict=True)
    ]
    pages = list(islice(taking_turns(books), count))
    if len(pages) < count:
        raise DemoError(f"--pages: the documentation has only {len(pages)} pages, not {count}")
    return pages


def reachable(start: str, read: Read) -> Iterator[Page]:
    """Yield every page of a book, breadth first from its start; a file that has two URLs has the one found first."""
    queue, files = deque([start]), set()
    while queue:
        url = queue.popleft()
        plain = PLAIN.fullmatch(url)
        path = "" if plain is None else _index(plain["path"])
        if not url.startswith(start) or not path or path in files:
            continue
        body = read(path)
        if body is None:
            continue
        files.add(path)
        yield Page(url, f"/{start.split('/')[2].partition(':')[0]}/{path}", body)
        queue.extend(_links(url, body))


def taking_turns(books: Iterable[Iterator[Page]]) -> Iterator[Page]:
    """Yield the first page of each book, then the second of each, and so on."""
    return (page for page in chain.from_iterable(zip_longest(*books)) if page is not None)


def _links(url: str, body: bytes) -> Iterator[str]:
    selector = Selector(text=body.decode("utf-8", "replace"), type="html")
    for link in selector.css(READINGS["documentation"].links).getall():
        yield urljoin(url, link).partition("#")[0]


def _index(path: str) -> str:
    return f"{path}index.html" if path.endswith("/") or not path else path


def _file(folder: Path, is_handbook: bool, path: str) -> bytes | None:
    if is_handbook and path == "index.html":
        return start_page(folder).encode()
    file = (folder / path).resolve()
    return file.read_bytes() if file.is_file() and file.is_relative_to(folder.resolve()) else None
