"""Does a hostile server get more than one answer's worth of time, memory and requests out of us?"""

import asyncio
import gc

import pytest
from scrapy import signals

from crawlfleet_worker.http.exchange import MOST_HEAD_BYTES
from crawlfleet_worker.http.handler import BUFFER_BYTES
from tests.servers.scripted import BREATHE, CLOSE, HOLD, RESET, scripted
from tests.worker.http import hostility
from tests.worker.http.behaviours import ALL, CHUNKED, page
from tests.worker.http.fetching import ours
from tests.worker.http.hostility import MAXSIZE, NEVER_ENDING, SOON, standing

OK = page()


@pytest.mark.parametrize("path", NEVER_ENDING)
async def test_what_never_ends_ends_here(path):
    script, meta, error = NEVER_ENDING[path]
    taken = 0

    def count(data, **_):
        nonlocal taken
        taken += len(data)

    async with scripted({path: script}) as server, ours(DOWNLOAD_MAXSIZE=MAXSIZE) as fetcher:
        fetcher.crawler.signals.connect(count, signals.bytes_received)
        assert await fetcher.outcome(server.url(path), meta=meta) == (error,)
        assert len(server.heads) == 1
        await asyncio.wait_for(server.until_open(0), 5)
        assert len(fetcher.handler.pool) == 0
    assert taken <= MAXSIZE + BUFFER_BYTES


async def test_a_head_of_the_allowed_size_is_taken():
    filler = b"x" * (MOST_HEAD_BYTES - 1000)
    async with scripted({"/": (page(b"hello", b"X-A: " + filler),)}) as server, ours() as fetcher:
        assert (await fetcher.fetch(server.url())).body == b"hello"


async def test_small_chunks_are_no_attack():
    """The frames of a body in single bytes are more than the body; only what comes without any body is bounded."""
    chunks = b"1\r\nx\r\n" * 100_000 + b"0\r\n\r\n"
    async with scripted({"/": (CHUNKED + chunks,)}) as server, ours() as fetcher:
        assert len((await fetcher.fetch(server.url())).body) == 100_000


class Once(dict):
    """Answers the first request of all, and does something else from then on."""

    def __init__(self, *then):
        super().__init__()
        self.asked, self.then = 0, then

    def __getitem__(self, path):
        self.asked += 1
        return (OK,) if self.asked == 1 else self.then


@pytest.mark.parametrize(
    "then", [(CLOSE,), (RESET,), (b"HTTP/1.1 2", BREATHE, CLOSE), (b"junk\r\n\r\n", CLOSE)], ids=str
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_kept_connection_that_dies_under_a_request_is_an_error_and_nothing_is_sent_again(method, then):
    async with scripted(Once(*then)) as server, ours() as fetcher:
        assert (await fetcher.fetch(server.url("/1"))).status == 200
        assert await fetcher.outcome(server.url("/2"), method=method) == ("DownloadFailedError",)
        assert server.connections == 1
        assert len(server.heads) == 2
        await asyncio.wait_for(server.until_open(0), 5)
        assert len(fetcher.handler.pool) == 0


async def test_a_kept_connection_that_the_server_has_closed_is_not_used():
    async with scripted({"/": (OK, BREATHE, CLOSE)}) as server, ours() as fetcher:
        for _ in range(3):
            assert (await fetcher.fetch(server.url())).status == 200
            await asyncio.wait_for(server.until_open(0), 5)
        assert server.connections == len(server.heads) == 3


async def test_an_answer_that_nobody_asked_for_ends_its_connection():
    async with scripted({"/": (OK, BREATHE, page(b"poison"), HOLD)}) as server, ours() as fetcher:
        assert (await fetcher.fetch(server.url())).body == b"<p>hello"
        await asyncio.wait_for(server.until_open(0), 5)
        assert (await fetcher.fetch(server.url())).body == b"<p>hello"
        assert server.connections == 2


async def test_an_answer_before_the_request_was_read_is_taken_and_its_connection_is_not():
    class Early(dict):
        def __missing__(self, path):
            return (page(b"enough", status=b"413 Too Large"), HOLD)

    async with scripted(Early()) as server, ours() as fetcher:
        server.reads_bodies = False
        response = await fetcher.fetch(server.url(), method="POST", body=b"x" * 30_000_000)
        assert (response.status, response.body) == (413, b"enough")
        assert len(fetcher.handler.pool._until) == 0


async def test_hundreds_of_them_leave_nothing_behind():
    assert (await hostility.everything(5, at_a_time=40))["answers"] > 400


@pytest.mark.parametrize("script", [(HOLD,), (b"HTTP/1.1 200 OK\r\n", HOLD), (CHUNKED + b"5\r\nhe", HOLD)], ids=str)
async def test_a_cancelled_download_closes_its_connection(script):
    async with scripted({"/": script}) as server, ours() as fetcher:
        download = asyncio.create_task(fetcher.fetch(server.url()))
        await asyncio.wait_for(server.until_heard(1), 5)
        download.cancel()
        with pytest.raises(asyncio.CancelledError):
            await download
        await asyncio.wait_for(server.until_open(0), 5)
        assert len(fetcher.handler.pool) == 0


async def test_a_download_that_is_cancelled_while_it_connects_leaves_nothing():
    connected, gone = asyncio.Event(), asyncio.Event()

    async def says_nothing(reader, writer):
        connected.set()
        await reader.read()
        gone.set()
        writer.close()

    silent = await asyncio.start_server(says_nothing, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    async with ours() as fetcher:
        handshake = asyncio.create_task(fetcher.fetch(f"https://127.0.0.1:{port}/"))
        await asyncio.wait_for(connected.wait(), 5)
        handshake.cancel()
        with pytest.raises(asyncio.CancelledError):
            await handshake
        await asyncio.wait_for(gone.wait(), 5)
        late = await fetcher.outcome(f"https://127.0.0.1:{port}/", meta=SOON)
        assert late == ("DownloadTimeoutError",)
    silent.close()


async def test_closing_ends_what_is_under_way():
    async with scripted({"/": (HOLD,)}) as server:
        async with ours() as fetcher:
            download = asyncio.create_task(fetcher.outcome(server.url()))
            await asyncio.wait_for(server.until_heard(1), 5)
        assert await download == ("DownloadFailedError",)
        await asyncio.wait_for(server.until_open(0), 5)


async def test_what_is_over_leaves_no_cycle():
    """Collecting a cycle for each page would cost more than the page."""
    async with scripted(ALL) as server, ours() as fetcher:
        gc.collect()
        gc.disable()
        try:
            before = standing()  # what the tests before this one have left, in the tracebacks that are kept of them
            for path in ("/page", "/chunked", "/big", "/204"):
                await fetcher.fetch(server.url(path))
            assert [one for one in standing() if not any(one is other for other in before)] == []
        finally:
            gc.enable()
