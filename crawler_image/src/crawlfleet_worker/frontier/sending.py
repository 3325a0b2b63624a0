"""How does one slot stay one request on the wire, whichever download handler sends it?

HTTP clients send a request again by themselves when a kept connection was dropped: two hits without a pause. That is
switched off on the handler's own client object; the handler of our own never does. With it and with aiohttp (Scrapy's
handler without a reactor) the last look at the clock comes after connect and TLS, in the same turn of the loop as the
write.
"""

from contextvars import ContextVar, Token
from dataclasses import dataclass
from typing import Final
from weakref import WeakSet

import aiohttp
from scrapy import Request
from scrapy.exceptions import DownloadFailedError
from twisted.web.client import HTTPConnectionPool, ResponseNeverReceived

from crawlfleet_frontier.client import clock
from crawlfleet_worker.frontier.ports import Slot
from crawlfleet_worker.http.wire import Watched

REPEATABLE: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})
"""Methods that may be sent again where nobody knows whether the server saw them (RFC 9110, 9.2.2)."""

MOST_DROPS: Final = 5
"""Kept connections that may turn out dropped under one request, before it fails."""


class SendByPassed(Exception):  # noqa: N818 - says what happened
    """The slot ran out before anything was written: nothing was sent."""


@dataclass(slots=True)
class Gate:
    """The last look at the clock before one request is written."""

    slot: Slot
    passed: bool = False
    """Whether the slot was opened: something is (about to be) written."""
    used_before: bool | None = None
    """Whether the connection had carried another request; None where the handler does not let us see it."""
    first_byte: float | None = None
    """When the answer began (clock.now), where our own handler tells."""
    _asked: bool = False

    def check(self) -> None:
        """Raise SendByPassed where the slot has run out."""
        if clock.now() >= self.slot.send_by:
            raise SendByPassed

    def open(self) -> None:
        """Open the slot, or raise SendByPassed: to be called in the same turn of the loop as the write."""
        if self.passed:
            return
        self.check()
        self.passed = not self._asked and self.slot.sent()
        self._asked = True
        if not self.passed:
            raise SendByPassed

    def writing(self, *, used_before: bool) -> None:
        """Open the slot for a handler that says when it writes (`http.wire`), or raise SendByPassed."""
        self.used_before = used_before
        self.open()

    def heard(self) -> None:
        """Take in that the answer begins."""
        self.first_byte = clock.now()

    def enter(self) -> "Token[Gate | None]":
        """From now on the request of this task is written under the slot or not at all. Raises SendByPassed."""
        self.check()
        return _gate.set(self)

    def leave(self, before: "Token[Gate | None]") -> None:
        """Take in that the request of this task is over; `before` is what `enter` gave."""
        _gate.reset(before)


_gate: "ContextVar[Gate | None]" = ContextVar("crawlfleet_gate", default=None)
_seen: "WeakSet[object]" = WeakSet()
"""Connections that have carried a request."""


class GatedRequest(aiohttp.ClientRequest):
    """A request that passes the gate once its connection stands."""

    async def send(self, conn: "aiohttp.connector.Connection") -> aiohttp.ClientResponse:
        """Write the request, or give the connection back for the next one and raise SendByPassed."""
        opened = _gate.get()
        if opened is not None:
            opened.used_before = conn.protocol in _seen
            try:
                opened.open()
            except SendByPassed:
                conn.release()
                raise
        _seen.add(conn.protocol)
        return await super().send(conn)


def prepare(handler: object) -> bool:
    """Make a download handler send each request once: aiohttp's and Twisted's clients; ours and httpx never send twice.

    Say whether its requests pass the gate by themselves, once their connection stands.
    """
    session = getattr(handler, "_session", None)
    if isinstance(session, aiohttp.ClientSession):
        session._retry_connection = False
        session._request_class = GatedRequest
    pool = getattr(handler, "_pool", None)
    if isinstance(pool, HTTPConnectionPool):
        pool.retryAutomatically = False
    if isinstance(handler, Watched):
        handler.wire = _gate.get
        return True
    return isinstance(session, aiohttp.ClientSession)


def missing_names() -> list[str]:
    """Return what this module uses of aiohttp and the installed one lacks; for the worker's self-test."""
    wanted = {
        aiohttp.ClientSession: ("_retry_connection", "_request_class"),
        aiohttp.ClientRequest: ("send",),
        aiohttp.connector.Connection: ("release", "protocol"),
    }
    known = {kind: {*dir(kind), *getattr(kind, "ATTRS", ())} for kind in wanted}
    return [f"{kind.__name__}.{name}" for kind, names in wanted.items() for name in names if name not in known[kind]]


def repeats(request: Request, error: BaseException, opened: Gate) -> int:
    """Return how often the request may be sent again, because a kept connection was closed under it; mostly 0.

    Clients would send it again by themselves. A server that drops every connection must not profit.
    """
    if request.method not in REPEATABLE or not isinstance(error, DownloadFailedError):
        return 0
    cause = error.__cause__
    if isinstance(cause, ResponseNeverReceived):
        return 1
    dropped = isinstance(cause, (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, ConnectionError))
    dropped = dropped and opened.first_byte is None
    return MOST_DROPS if dropped and opened.used_before else 0
