"""How does a request of the spider get into the frontier: under which identity, at which host, in which band?"""

from collections.abc import Callable
from itertools import count
from typing import Final
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.crawler import Crawler

from crawlfleet_frontier import envelope, identity
from crawlfleet_frontier.client import FrontierClient
from crawlfleet_frontier.envelope import FrontierRequest
from crawlfleet_frontier.errors import BadInput
from crawlfleet_frontier.store.calls import PushRequest
from crawlfleet_worker.frontier.carrying import CannotCarry, carry, to_frontier
from crawlfleet_worker.frontier.lineage import Origin, Work
from crawlfleet_worker.frontier.ports import wiring_of
from crawlfleet_worker.frontier.values import NotCarried
from crawlfleet_worker.spiders import spider_of

_WEB: Final = frozenset({"http", "https"})


class Admitting:
    """Makes of one spider's requests what is pushed."""

    def __init__(self, crawler: Crawler, client: FrontierClient) -> None:
        self._crawler, self._client = crawler, client
        self._versions = wiring_of(crawler).jar_versions
        self._strays = count()
        self.identity_of: Callable[[Request], str] = self._first_identity_of
        """The identity that the fast path FINGERPRINTS remembers of a request; empty where it knows none, or is off."""

    def fingerprint(self, request: Request) -> bytes:
        """Return the fingerprint of the project's own fingerprinter."""
        fingerprinter = self._crawler.request_fingerprinter
        if fingerprinter is None:
            raise RuntimeError("no request fingerprinter yet")
        return bytes(fingerprinter.fingerprint(request))

    def id_of(self, request: Request, origin: Origin | None) -> str:
        """Return the identity of a new request (`crawlfleet_frontier.identity`)."""
        return self.unfiltered_id_of(request, origin) if request.dont_filter else self.filtered_id_of(request)

    def _first_identity_of(self, request: Request) -> str:
        self.identity_of = getattr(self._crawler.request_fingerprinter, "identity_of", _unknown)
        return self.identity_of(request)

    def filtered_id_of(self, request: Request) -> str:
        """Return the identity of a new request that the duplicate filter judges: by its fingerprint."""
        return identity.request_id(self.fingerprint(request))

    def unfiltered_id_of(self, request: Request, origin: Origin | None) -> str:
        """Return the identity of a new request with `dont_filter`: by its parent and its place among the children."""
        fingerprint = self.fingerprint(request)
        if origin is None:
            return identity.child_id(self._client.epoch, next(self._strays), fingerprint)
        parent = identity.SEED_PARENT if origin.parent is None else self.id_of_parent(origin.parent, origin.work)
        return identity.child_id(parent, origin.ordinal, fingerprint)

    def id_of_parent(self, request: Request, work: Work | None) -> str:
        """Return the identity of a request in the engine: the one it came with, or its fingerprint's."""
        known = work.id if work is not None else ""
        known = known or identity.request_id(self.fingerprint(request))
        if work is not None:
            work.id = known
        return known

    def admission(self, request: Request, origin: Origin | None, own: str) -> PushRequest:
        """Return what to push under this identity. CannotCarry says why it cannot travel; BadInput: it has no host."""
        version = self._versions.of_child(request, origin.parent if origin else None)
        payload = carry(request, spider_of(self._crawler), id=own if request.dont_filter else "", jar_version=version)
        return PushRequest(own, host_of(request), identity.band_of(request.priority), payload)

    def again(self, request: Request, parent: Request, own: str) -> FrontierRequest:
        """Return a retry of `parent` under its identity. CannotCarry as above."""
        version = self._versions.of_child(request, parent)
        try:
            again = to_frontier(request, spider_of(self._crawler), own, version)
            envelope.encode(again)  # while it can still be kept here instead
        except (NotCarried, BadInput) as error:
            raise CannotCarry(request, str(error)) from None
        return again


def _unknown(_request: Request) -> str:
    return ""


def host_of(request: Request) -> str:
    """Return the host whose pace the request keeps; of a URL without one (data:, file:) its scheme."""
    try:
        return identity.host_of(request.url)
    except BadInput:
        scheme = urlsplit(request.url).scheme
        if scheme in _WEB:
            raise
        return scheme
