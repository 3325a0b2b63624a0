"""A TCP proxy that loses replies: the request arrives and is executed, the answer never comes back.

with lossy_proxy(server.port, lose=lambda request: b"EVAL" in request) as proxy:
    redis.Redis(port=proxy.port)
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from tests.servers.own_thread import serving, stream_server


@dataclass
class LossyProxy:
    """One proxy in front of a port of this machine."""

    target: int
    lose: Callable[[bytes], bool]
    port: int = 0
    lost: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on, request by request, until a reply is to be lost."""
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self.target)
        with suppress(ConnectionError, asyncio.CancelledError):
            while request := await reader.read(1 << 20):
                server_writer.write(request)
                reply = await server_reader.read(1 << 20)
                if not reply:
                    break
                if self.lose(request):
                    self.lost += 1
                    break
                writer.write(reply)
                await self._rest(server_reader, writer)
        server_writer.close()
        writer.close()

    @staticmethod
    async def _rest(server_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on what of the reply comes in further pieces."""
        with suppress(TimeoutError):
            while more := await asyncio.wait_for(server_reader.read(1 << 20), 0.005):
                writer.write(more)


@contextmanager
def lossy_proxy(target: int, lose: Callable[[bytes], bool]) -> Iterator[LossyProxy]:
    """Run a proxy before the port `target`; `lose` looks at each request and says whether its reply is lost."""
    proxy = LossyProxy(target, lose)
    with serving(stream_server(proxy.serve)) as proxy.port:
        yield proxy
