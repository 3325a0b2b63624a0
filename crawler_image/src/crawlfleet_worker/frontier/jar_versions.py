"""Which version of its cookie jar does a request need?

A request needs what its parent had seen. The version travels with the request's bytes (`carrying`), outside its meta.
"""

import hashlib
from functools import lru_cache
from typing import Final
from urllib.parse import quote
from weakref import WeakKeyDictionary

from scrapy import Request
from scrapy.utils.httpobj import urlparse_cached
from tldextract import TLDExtract

from crawlfleet_frontier import envelope
from crawlfleet_frontier.envelope import FrontierRequest
from crawlfleet_frontier.errors import BadInput
from crawlfleet_worker.frontier.values import NotCarried, flatten

_split: Final = TLDExtract(include_psl_private_domains=True, suffix_list_urls=())  # its own list: no request is made


def jar_of(request: Request) -> str | None:
    """Return the name of the part of a jar that the request can see: the jar, and the site (no cookie crosses sites).

    None where the jar's key cannot leave this process; such a jar stays local.
    """
    name = _name(request.meta.get("cookiejar"))
    return None if name is None else f"{name}:{_site(urlparse_cached(request).hostname or '')}"


def _name(key: object) -> str | None:
    if key is None:
        return ""
    if type(key) in (str, int):
        text = f"{type(key).__name__[0]}-{quote(str(key), safe='')}"
        return text if len(text) <= 80 else f"h-{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}"
    try:
        data = envelope.encode(FrontierRequest("jar:", meta={"key": flatten(key, "meta['cookiejar']")}))
    except (NotCarried, BadInput):
        return None
    return f"h-{hashlib.blake2b(data, digest_size=16).hexdigest()}"


@lru_cache(10_000)
def _site(host: str) -> str:
    parts = _split(host)
    return f"{parts.domain}.{parts.suffix}" if parts.domain and parts.suffix else host


class JarVersions:
    """What this worker has seen of each jar, and what each request needs."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}
        self._needed: WeakKeyDictionary[Request, int] = WeakKeyDictionary()

    def arrived(self, request: Request, version: int) -> None:
        """Note the version that came with a request from the frontier."""
        if version:
            self._needed[request] = version

    def needed(self, request: Request) -> int:
        """Return the version that the request's jar must have before the request is sent; 0: any."""
        return self._needed.get(request, 0)

    def saw(self, jar: str, version: int) -> None:
        """Note that this worker wrote or read this version."""
        self._seen[jar] = max(version, self._seen.get(jar, 0))

    def of_child(self, request: Request, parent: Request | None = None) -> int:
        """Return the version to send along with a new request or a retry: the newest that its parent can have seen."""
        if not self._seen and not self._needed:
            return 0
        jar = jar_of(request)
        if jar is None:
            return 0
        inherited = self.needed(parent) if parent is not None and jar_of(parent) == jar else 0
        return max(self._seen.get(jar, 0), self.needed(request), inherited)
