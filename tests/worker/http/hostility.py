"""Every behaviour of a hostile server, many times over: what comes of each, and what they leave behind."""

import asyncio
import gc
import os
from collections import Counter
from typing import Any

from scrapy import exceptions

from crawlfleet_worker.http.answer import Answer
from crawlfleet_worker.http.exchange import Exchange
from tests.servers.scripted import HOLD, Endless, Scripted, scripted
from tests.worker.http.behaviours import ALL, CHUNKED, head
from tests.worker.http.fetching import Fetcher, ours

SOON = {"download_timeout": 1.0}
AT_LEISURE = {"download_timeout": 25}

NEVER_ENDING = {
    "/silent": ((HOLD,), SOON, "DownloadTimeoutError"),
    "/drips-its-head": ((b"HTTP/1.1 200 OK\r\nX-A: ", Endless(b"x", 0.02)), SOON, "DownloadTimeoutError"),
    "/drips-headers": ((b"HTTP/1.1 200 OK\r\n", Endless(b"X-A: 1\r\n", 0.02)), SOON, "DownloadTimeoutError"),
    "/drips-its-body": ((head(b"Content-Length: 1000000"), Endless(b"x", 0.02)), SOON, "DownloadTimeoutError"),
    "/drips-chunks": ((CHUNKED, Endless(b"1\r\nx\r\n", 0.02)), SOON, "DownloadTimeoutError"),
    "/drips-hints": ((Endless(b"HTTP/1.1 103 Early\r\n\r\n", 0.02),), SOON, "DownloadTimeoutError"),
    "/stops-in-its-body": ((head(b"Content-Length: 9"), b"half", HOLD), SOON, "DownloadTimeoutError"),
    "/endless-status": ((b"HTTP/1.1 200 ", Endless(b"x" * 50_000)), AT_LEISURE, "DownloadFailedError"),
    "/endless-header": ((b"HTTP/1.1 200 OK\r\nX-A: ", Endless(b"x" * 50_000)), AT_LEISURE, "DownloadFailedError"),
    "/endless-name": ((b"HTTP/1.1 200 OK\r\n", Endless(b"x" * 50_000)), AT_LEISURE, "DownloadFailedError"),
    "/endless-headers": ((b"HTTP/1.1 200 OK\r\n", Endless(b"X-A: 1\r\n" * 5_000)), AT_LEISURE, "DownloadFailedError"),
    "/endless-hints": ((Endless(b"HTTP/1.1 103 Early\r\n\r\n" * 2_000),), AT_LEISURE, "DownloadFailedError"),
    "/endless-lines": ((Endless(b"\r\n" * 20_000),), AT_LEISURE, "DownloadFailedError"),
    "/endless-extension": ((CHUNKED + b"5;a=", Endless(b"x" * 50_000)), AT_LEISURE, "ResponseDataLossError"),
    "/endless-trailers": ((CHUNKED + b"0\r\n", Endless(b"X-A: 1\r\n" * 5_000)), AT_LEISURE, "ResponseDataLossError"),
    "/endless-trailer": ((CHUNKED + b"0\r\nX-A: ", Endless(b"x" * 50_000)), AT_LEISURE, "ResponseDataLossError"),
    "/endless-size": ((CHUNKED, Endless(b"0" * 50_000)), AT_LEISURE, "ResponseDataLossError"),
    "/endless-body": ((head(), Endless(b"x" * 50_000)), AT_LEISURE, "DownloadCancelledError"),
    "/endless-chunks": (
        (CHUNKED, Endless(b"c350\r\n" + b"x" * 50_000 + b"\r\n")),
        AT_LEISURE,
        "DownloadCancelledError",
    ),
    "/ten-gigabytes": (
        (head(b"Content-Length: 10737418240"), Endless(b"x" * 50_000)),
        AT_LEISURE,
        "DownloadCancelledError",
    ),
}
MAXSIZE = 2_000_000

SCRIPTS = {
    **{path: script for path, script in ALL.items() if path != "/big"},
    **{path: script for path, (script, _, _) in NEVER_ENDING.items() if path != "/endless-name"},
}


async def everything(times: int, at_a_time: int) -> dict[str, Any]:
    """Fetch each behaviour so many times and return the counts, with what each exception's class was.

    An AssertionError: something was sent again, stays open or kept, or came to an exception that is none of Scrapy's.
    """
    sockets, tasks = len(open_sockets()), len(asyncio.all_tasks())
    async with scripted(SCRIPTS) as server:
        async with ours(DOWNLOAD_MAXSIZE=MAXSIZE, CONCURRENT_REQUESTS=at_a_time) as fetcher:
            classes = await _failures(server, fetcher, times, at_a_time)
            assert max(arrivals(server).values()) == times, "something was sent again"
            assert len(fetcher.handler.pool) <= at_a_time  # as many as were in use at a time
            assert fetcher.handler.pool._until.keys() == fetcher.handler.pool._open
        assert len(fetcher.handler.pool) == 0
        await asyncio.wait_for(server.until_open(0), 5)
    async with asyncio.timeout(5):
        while len(asyncio.all_tasks()) > tasks or len(open_sockets()) > sockets:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0)
    assert all(hasattr(exceptions, name) for name in classes), classes
    answers = times * len(SCRIPTS)
    return {"answers": answers, "responses": answers - classes.total(), "exceptions": dict(sorted(classes.items()))}


async def _failures(server: Scripted, fetcher: Fetcher, times: int, at_a_time: int) -> Counter[str]:
    free = asyncio.Semaphore(at_a_time)

    async def one(path: str) -> tuple[Any, ...]:
        async with free:
            return await fetcher.outcome(server.url(path), meta={"download_timeout": 1.5})

    outcomes = await asyncio.gather(*(one(path) for path in SCRIPTS for _ in range(times)))
    return Counter(outcome[0] for outcome in outcomes if len(outcome) == 1)


def arrivals(server: Scripted) -> Counter[bytes]:
    """Return how often each path was asked for."""
    return Counter(head.split(b" ")[1] for head in server.heads)


def open_sockets() -> list[str]:
    """Return the sockets of this process."""
    return sorted(
        os.readlink(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd") if _is_socket(number)
    )


def _is_socket(number: str) -> bool:
    try:
        return os.readlink(f"/proc/self/fd/{number}").startswith("socket")
    except OSError:
        return False


def standing() -> list[Exchange | Answer]:
    """Return what a download consists of and the collector knows of."""
    return [one for one in gc.get_objects() if isinstance(one, Exchange | Answer)]
