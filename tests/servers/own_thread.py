"""How does an asyncio server run beside the code that asks it? In a thread of its own, as long as a block lasts.

with serving(web_server(answer)) as port:  # async def answer(request: aiohttp.web.Request)
    crawl(f"http://127.0.0.1:{port}/")
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager

from aiohttp import web

from tests.servers.ports import free_port

START_SECONDS = 20.0
LOCALHOST = "127.0.0.1"

Server = AbstractAsyncContextManager[int]
"""Listens while it is entered, and gives its port."""


@contextmanager
def serving(server: Server) -> Iterator[int]:
    """Run the server and give its port. What keeps it from starting is raised here; TimeoutError after 20 s."""
    started: Future[int] = Future()
    ended: Future[None] = Future()
    thread = threading.Thread(target=_run, args=(server, started, ended), daemon=True)
    thread.start()
    try:
        if not wait([started], START_SECONDS).done:
            raise TimeoutError("the server does not start")
        yield started.result()
    finally:
        ended.set_result(None)
        thread.join(10)


def _run(server: Server, started: Future[int], ended: Future[None]) -> None:
    try:
        asyncio.run(_serve(server, started, ended))
    except Exception as error:
        if started.done():
            raise
        started.set_exception(error)


async def _serve(server: Server, started: Future[int], ended: Future[None]) -> None:
    async with server as port:
        started.set_result(port)
        await asyncio.wrap_future(ended)


@asynccontextmanager
async def web_server(
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]], hosts: Iterable[str] = (LOCALHOST,)
) -> AsyncIterator[int]:
    """Answer every request of HTTP on these addresses, all on one port; what is open at the end is cut off."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner, port = web.AppRunner(app, access_log=None, shutdown_timeout=0.1), free_port()
    await runner.setup()
    try:
        for host in hosts:
            await web.TCPSite(runner, host, port).start()
        yield port
    finally:
        await runner.cleanup()


@asynccontextmanager
async def stream_server(
    accept: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    """Hand over every connection; those under way at the end are cancelled with the loop's other tasks."""
    server = await asyncio.start_server(accept, LOCALHOST, 0)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
