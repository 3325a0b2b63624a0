"""A TCP proxy that loses replies: the request arrives and is executed, the answer never comes back.

with lossy_proxy(server.port, lose=lambda request: b"EVAL" in request) as proxy:
    redis.Redis(port=proxy.port)
"""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from tests.servers.ports import free_port

START_SECONDS = 20.0


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
    proxy, loop, ready = LossyProxy(target, lose), asyncio.new_event_loop(), threading.Event()

    def run() -> None:
        asyncio.set_event_loop(loop)
        proxy.port = free_port()
        loop.run_until_complete(asyncio.start_server(proxy.serve, "127.0.0.1", proxy.port))
        ready.set()
        loop.run_forever()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        if not ready.wait(START_SECONDS):
            raise TimeoutError("the proxy does not start")
        yield proxy
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
