"""One connection: which exchange does what comes in belong to, and can it carry another one?"""

import asyncio
import ipaddress
import select
import ssl
from collections.abc import Callable
from functools import cached_property
from typing import cast

from scrapy.exceptions import DownloadFailedError

from crawlfleet_worker.http.exchange import Exchange
from crawlfleet_worker.http.outgoing import Origin, Outgoing
from crawlfleet_worker.http.wire import Wire


class Connection(asyncio.BufferedProtocol):
    """A connection to an origin, with one exchange at a time."""

    _loop: asyncio.AbstractEventLoop

    def __init__(self, origin: Origin, buffer: memoryview, lost: "Callable[[Connection], None]") -> None:
        """`buffer` is where the loop reads to, shared by all; `lost` is called when the connection has ended."""
        self.origin, self.used = origin, False
        self._buffer, self._lost = buffer, lost
        self._exchange: Exchange | None = None
        self._transport: asyncio.Transport | None = None
        self.tls: ssl.SSLObject | None = None
        """What speaks TLS, if anything does."""
        self.certificate: bytes | None = None
        """The server's (DER)."""
        self.address: ipaddress.IPv4Address | ipaddress.IPv6Address | None = None
        """The server's."""

    # What the loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin (after the TLS handshake, where there is one)."""
        self._transport = cast("asyncio.Transport", transport)
        self._loop = asyncio.get_running_loop()
        self.tls = transport.get_extra_info("ssl_object")
        self.certificate = self.tls.getpeercert(binary_form=True) if self.tls else None
        peer = transport.get_extra_info("peername")
        self.address = ipaddress.ip_address(peer[0]) if peer else None

    def get_buffer(self, sizehint: int) -> memoryview:
        """Say where to read to; emptied before the loop reads for anybody else."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Hand on what has come; nobody asked for it: the connection is of no use any more."""
        if self._exchange is None:
            self.abort()
        else:
            self._exchange.feed(self._buffer[:nbytes])

    def eof_received(self) -> None:
        """Let the loop close the connection."""

    def connection_lost(self, exc: Exception | None) -> None:
        """End the exchange that is under way."""
        self._transport = None
        if self._exchange is not None:
            self._exchange.lost(exc)
        self._lost(self)

    # What the handler calls.

    @property
    def open(self) -> bool:
        """Whether it could be written to, as far as the loop knows."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def quiet(self) -> bool:
        """Whether it is open and nothing has come that the loop has not read yet, like the server's farewell."""
        return self.open and not self._poll.poll(0)

    def exchange(self, what: Outgoing, wire: Wire | None) -> Exchange:
        """Write a request, at once and once, and return what its answer comes to.

        Raises what the wire raises, and DownloadFailedError where the connection has ended: nothing was written then.
        """
        if self._transport is None or self._transport.is_closing():
            cause = ConnectionResetError("the connection was closed before anything was written")
            raise DownloadFailedError(str(cause)) from cause
        if wire is not None:
            wire.writing(used_before=self.used)
        self.used = True
        exchange = self._exchange = Exchange(
            self._loop, has_body=what.has_answer_body, heard=nothing if wire is None else wire.heard
        )
        self._transport.write(what.data)
        return exchange

    def finished(self) -> bool:
        """Let go of the exchange and say whether another one can follow; otherwise abort the connection."""
        exchange, self._exchange = self._exchange, None
        clean = exchange is None or exchange.reusable
        if exchange is not None:
            exchange.close()
        if clean and self.open and self._transport is not None and not self._transport.get_write_buffer_size():
            return True
        self.abort()
        return False

    def abort(self) -> None:
        """Close it now, whatever is under way; the loop says so in its next turns."""
        if self._transport is not None:
            self._transport.abort()

    @cached_property
    def _poll(self) -> select.poll:
        poll = select.poll()
        if self._transport is not None:
            poll.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)
        return poll


def nothing() -> None:
    """Nobody wants to know."""
