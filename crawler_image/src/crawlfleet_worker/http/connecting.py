"""How does a new connection come about? Name, address, TLS; each failure as the exception that Scrapy knows."""

import asyncio
from collections.abc import Callable
from typing import Final

import aiohappyeyeballs
from aiohappyeyeballs import AddrInfoType
from scrapy.exceptions import DownloadConnectionRefusedError

from crawlfleet_worker.http.connection import Connection
from crawlfleet_worker.http.names import Names
from crawlfleet_worker.http.outgoing import Origin
from crawlfleet_worker.http.tls import Sessions

SECOND_TRY_SECONDS: Final = 0.25
"""After that the next address is tried beside the first (RFC 8305); aiohttp's figure."""


class Connector:
    """Opens connections."""

    def __init__(self, names: Names, sessions: Sessions, bound_to: tuple[str, int] | None) -> None:
        """`bound_to`: the local address (DOWNLOAD_BIND_ADDRESS)."""
        self._names, self._sessions = names, sessions
        self._local: list[AddrInfoType] | None = None
        if bound_to is not None:
            self._local = aiohappyeyeballs.addr_to_addr_infos(bound_to)

    async def connect(self, origin: Origin, make: Callable[[], Connection]) -> Connection:
        """Return a connection that stands.

        Raises CannotResolveHostError, and DownloadConnectionRefusedError for any other failure, TLS too, as Scrapy's
        handler does. Cancelled or not: a name that led nowhere is looked up again.
        """
        addresses = await self._names.addresses(origin.host, origin.port)
        try:
            return await self._connected(origin, addresses, make)
        except BaseException as error:
            self._names.forget(origin.host, origin.port)
            if not isinstance(error, OSError):
                raise
            where = f"{origin.host}:{origin.port}"
            raise DownloadConnectionRefusedError(f"Cannot connect to {where}: {error}") from error

    async def _connected(
        self, origin: Origin, addresses: list[AddrInfoType], make: Callable[[], Connection]
    ) -> Connection:
        loop = asyncio.get_running_loop()
        sock = await aiohappyeyeballs.start_connection(
            addresses, local_addr_infos=self._local, happy_eyeballs_delay=SECOND_TRY_SECONDS, loop=loop
        )
        if origin.scheme == "http":
            return (await loop.create_connection(make, sock=sock))[1]
        context, name = self._sessions.context_for(origin), origin.host.rstrip(".")
        try:
            return (await loop.create_connection(make, sock=sock, ssl=context, server_hostname=name))[1]
        except ValueError as error:  # a name that no certificate can have
            sock.close()
            raise OSError(str(error)) from error
