"""What is there to crawl? A local site for each input, and what a spider has to be told about it."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.worker import documentation, pages
from tests.servers.ports import free_port
from tests.servers.site import NginxSite, nginx_site, page_path

KEPT: Final = "keepalive_requests 1000000;"
"""For nginx: a kept connection carries as many requests as the client likes."""
CONNECTIONS: Final = f"{KEPT} charset utf-8;"
"""And the bodies say what they are in, as the documentation's do by themselves."""
SITEMAP: Final = "/sitemap.xml"
LOCAL: Final = "127.0.0.1"
BY_HOST: Final = r"rewrite ^/(?!127\.0\.0\.\d+/)(.*)$ /$host/$1 break;"
"""Each host's files lie in a folder of its name; the log names it too."""


@dataclass(frozen=True)
class Input:
    """A site that runs: each of its pages is to be fetched once."""

    site: NginxSite
    starts: tuple[str, ...]
    sitemaps: tuple[str, ...]
    told: Mapping[str, str]
    """More arguments for the spiders: how a page is read, which links may be followed."""

    def arguments(self, spider: str) -> dict[str, str]:
        """Return what this spider is started with."""
        if spider == "sitemap":
            return {"start": " ".join(self.sitemaps), "reading": self.told["reading"]}
        return {"start": " ".join(self.starts), **self.told}


@contextmanager
def generated(count: int, shape: pages.Shape = pages.SMALL) -> Iterator[Input]:
    """Serve so many generated pages."""
    port, bodies = free_port(), pages.generated(count, shape)
    base = f"http://{LOCAL}:{port}"
    sitemap = {SITEMAP: sitemap_of(f"{base}{path}" for path in bodies)}
    with nginx_site({**bodies, **sitemap}, f"{CONNECTIONS} listen {LOCAL}:{port};") as site:
        yield Input(replace(site, pages=bodies), (base + page_path(0),), (base + SITEMAP,), {"reading": "generated"})


@contextmanager
def real_pages(count: int) -> Iterator[Input]:
    """Serve so many pages of the documentation, each book on a host of its own."""
    port, hosts = free_port(), documentation.hosts()
    found = documentation.chosen(count, port)
    bases = [f"http://{host}:{port}" for host in hosts]
    sitemaps = {
        f"/{host}{SITEMAP}": sitemap_of(page.url for page in found if page.url.startswith(f"{base}/"))
        for host, base in zip(hosts, bases, strict=True)
    }
    bodies = {page.file: page.body for page in found}
    listening = " ".join(f"listen {host}:{port};" for host in hosts)
    with (
        tempfile.TemporaryDirectory(prefix="crawlfleet-bench-") as folder,
        nginx_site({**bodies, **sitemaps}, f"{KEPT} index index.html; {BY_HOST} {listening}") as site,
    ):
        starts = tuple(f"{base}/" for base in bases)
        known = Path(folder, "known")
        # Scrapy does not filter start URLs: a link back to one of them would fetch it twice.
        known.write_text("\n".join(page.url for page in found if page.url not in starts))
        told = {"reading": "documentation", "known": str(known)}
        yield Input(replace(site, pages=bodies), starts, tuple(base + SITEMAP for base in bases), told)


def sitemap_of(urls: Iterable[str]) -> bytes:
    """Return a sitemap that names these URLs, none of which holds a character that XML minds."""
    entries = "".join(f"<url><loc>{url}</loc></url>\n" for url in urls)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{entries}</urlset>\n'
    ).encode()


INPUTS: Final[Mapping[str, Callable[[int], AbstractContextManager[Input]]]] = {
    "generated": generated,
    "documentation": real_pages,
    "large": partial(generated, shape=pages.LARGE),
}
"""By name: serves so many pages."""
