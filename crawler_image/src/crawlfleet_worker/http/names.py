"""Which addresses does a name have? Looked up once for all who ask at the same time, and kept for a while."""

import asyncio
import ipaddress
import socket
from dataclasses import dataclass
from typing import Final

from aiohappyeyeballs import AddrInfoType
from scrapy.exceptions import CannotResolveHostError

KEPT_SECONDS: Final = 60.0
"""A name is looked up again after that, or when none of its addresses could be reached."""

Addresses = list[AddrInfoType]


@dataclass(slots=True)
class _Known:
    addresses: Addresses
    until: float


class Names:
    """The names that one worker has looked up."""

    def __init__(self, most: int) -> None:
        """Keep at most so many names, the latest; 0 keeps none."""
        self._most = most
        self._known: dict[tuple[str, int], _Known] = {}
        self._under_way: dict[tuple[str, int], asyncio.Task[Addresses]] = {}

    async def addresses(self, host: str, port: int) -> Addresses:
        """Return where to connect to. CannotResolveHostError where the name has no address."""
        literal = _literal(host, port)
        if literal is not None:
            return [literal]
        known = self._known.get((host, port))
        if known is not None and known.until > asyncio.get_running_loop().time():
            return known.addresses
        return await asyncio.shield(self._lookup(host, port))

    def forget(self, host: str, port: int) -> None:
        """Look the name up again next time: its addresses did not work."""
        self._known.pop((host, port), None)

    def close(self) -> None:
        """End the lookups that are under way."""
        for task in self._under_way.values():
            task.cancel()

    def _lookup(self, host: str, port: int) -> "asyncio.Task[Addresses]":
        """Return the one lookup of this name that is under way; it ends by itself, whoever stops waiting."""
        key = (host, port)
        task = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = asyncio.create_task(self._look_up(host, port))
            task.add_done_callback(lambda done: self._ended(key, done))
        return task

    def _ended(self, key: tuple[str, int], done: "asyncio.Task[Addresses]") -> None:
        del self._under_way[key]
        if not done.cancelled():
            done.exception()  # everybody may have stopped waiting: it was looked at

    async def _look_up(self, host: str, port: int) -> Addresses:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
        except (OSError, UnicodeError) as error:
            raise CannotResolveHostError(f"{host}: {error}") from error
        if not found:
            raise CannotResolveHostError(f"{host} has no address")
        self._keep((host, port), _Known(list(found), loop.time() + KEPT_SECONDS))
        return list(found)

    def _keep(self, key: tuple[str, int], known: _Known) -> None:
        self._known.pop(key, None)
        if self._most > 0:
            self._known[key] = known
        if len(self._known) > self._most:
            self._known.pop(next(iter(self._known)), None)


def _literal(host: str, port: int) -> AddrInfoType | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port)
    if address.scope_id:
        return None
    return socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port, 0, 0)
