"""Does a request come to the same through our handler and through Scrapy's, whatever the server does?"""

import logging

import pytest
from scrapy import signals
from scrapy.exceptions import StopDownload

from tests.servers.scripted import scripted
from tests.worker.http.behaviours import ALL, HEADS, MIB, RIGHT, TOO_MUCH, WRONG, page
from tests.worker.http.fetching import ours, stock

KEPT = ["/second-answer-later"]
"""What comes later than the answer hits whichever request is next; see test_hostile."""

READ_AND_CLOSED = [
    path
    for path in TOO_MUCH
    if path not in (*KEPT, "/second-answer", "/blank-lines-after", "/101", "/101-without-upgrade")
]
"""What comes behind an answer fails it with Scrapy's handler where both come at once, and not where they do not."""

SAID_AT_ONCE = [path for path in WRONG if path.startswith("/chunk-")]
"""A broken chunk is told at once; aiohttp lets such a body run into the time-out, or refuses what came before."""

LIKE_SCRAPYS = [path for path in ALL if path not in (*KEPT, *READ_AND_CLOSED, *SAID_AT_ONCE)]
LOST = ("ResponseDataLossError",)


async def both(scripts, path, caplog, *, times=2, settings=None, **fields):
    """Fetch a path a few times over; return both outcomes with what was logged, and the heads that arrived."""
    told = []
    async with scripted(scripts) as server:
        for make in (stock, ours):
            caplog.clear()
            server.heads.clear()
            async with make(**settings or {}) as fetcher:
                outcomes = [await fetcher.outcome(server.url(path), **fields) for _ in range(times)]
            logged = [one.getMessage() for one in caplog.records if "experimental" not in one.getMessage()]
            told.append(((outcomes, logged), list(server.heads)))
    return told


@pytest.mark.parametrize("meta", [{}, {"download_fail_on_dataloss": False}], ids=["strict", "lenient"])
@pytest.mark.parametrize("path", LIKE_SCRAPYS)
async def test_a_get(path, meta, caplog):
    caplog.set_level(logging.WARNING)
    (stocks, stock_heads), (own, own_heads) = await both(ALL, path, caplog, meta=meta)
    assert own == stocks
    assert len(own_heads) == 2
    assert set(own_heads) == set(stock_heads)


@pytest.mark.parametrize("path", HEADS)
async def test_a_head(path, caplog):
    (stocks, _), (own, own_heads) = await both(HEADS, path, caplog, method="HEAD")
    assert own == stocks
    assert len(own_heads) == 2


@pytest.mark.parametrize("path", ["/page", "/204", "/chunked", "/503", "/nothing", "/part-of-a-body"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
async def test_other_methods(path, method, caplog):
    (stocks, stock_heads), (own, own_heads) = await both(ALL, path, caplog, method=method, body=b"a=b")
    assert own == stocks
    assert set(own_heads) == set(stock_heads)
    assert len(own_heads) == 2


@pytest.mark.parametrize("path", READ_AND_CLOSED)
async def test_an_answer_with_something_behind_it_is_taken_and_its_connection_is_not(path):
    async with scripted(ALL) as server, ours() as fetcher:
        first = await fetcher.outcome(server.url(path))
        assert await fetcher.outcome(server.url(path)) == first
        assert first[0] in (200, 204, 304)
        assert server.connections == len(server.heads) == 2


@pytest.mark.parametrize("path", SAID_AT_ONCE)
async def test_a_broken_chunk_is_data_loss(path):
    async with scripted(ALL) as server, ours() as fetcher:
        assert await fetcher.outcome(server.url(path)) == LOST
        lenient = await fetcher.outcome(server.url(path), meta={"download_fail_on_dataloss": False})
        assert (lenient[0], lenient[3]) == (200, ["dataloss"])
        assert len(server.heads) == 2


LIMITS = [
    ("/big", {"DOWNLOAD_MAXSIZE": 1000}, {}),
    ("/big", {}, {"download_maxsize": 1000}),
    ("/big", {"DOWNLOAD_WARNSIZE": 1000}, {}),
    ("/big-chunks", {"DOWNLOAD_MAXSIZE": 1000}, {}),
    ("/big-chunks", {}, {"download_warnsize": 1000}),
    ("/page", {"DOWNLOAD_MAXSIZE": 8}, {}),
    ("/page", {"DOWNLOAD_MAXSIZE": 7}, {}),
    ("/part-of-a-body", {"DOWNLOAD_FAIL_ON_DATALOSS": False}, {}),
]


@pytest.mark.parametrize(("path", "settings", "meta"), LIMITS)
async def test_limits(path, settings, meta, caplog):
    caplog.set_level(logging.WARNING)
    chunks = RIGHT["/chunked"][0][:68] + b"%x\r\n" % len(MIB) + MIB + b"\r\n0\r\n\r\n"
    scripts = {**ALL, "/big-chunks": (chunks,)}
    (stocks, _), (own, _) = await both(scripts, path, caplog, times=1, settings=settings, meta=meta)
    without_sizes = [["".join(filter(str.isalpha, line)) for line in logged] for _, logged in (stocks, own)]
    assert own[0] == stocks[0]
    assert without_sizes[0] == without_sizes[1]


@pytest.mark.parametrize("fail", [True, False])
@pytest.mark.parametrize("signal", ["headers_received", "bytes_received"])
@pytest.mark.parametrize("path", ["/page", "/big", "/204"])
async def test_a_download_that_is_stopped(path, signal, fail):
    def stop(**_):
        raise StopDownload(fail=fail)

    seen = []
    async with scripted(ALL) as server:
        for make in (stock, ours):
            async with make() as fetcher:
                fetcher.crawler.signals.connect(stop, getattr(signals, signal))
                outcome = await fetcher.outcome(server.url(path))
                cut = outcome[:2] + outcome[3:] if path == "/big" and signal == "bytes_received" else outcome
                seen.append(cut)
    assert seen[0] == seen[1]


async def test_what_the_signals_say():
    seen = []
    async with scripted(ALL) as server:
        for make in (stock, ours):
            async with make() as fetcher:
                told = []

                def headers(headers, body_length, request, spider, told=told):
                    told.append((dict(headers), body_length, request.url, "download_latency" in request.meta))

                def data(data, request, spider, told=told):
                    told.append(data)

                fetcher.crawler.signals.connect(headers, signals.headers_received)
                fetcher.crawler.signals.connect(data, signals.bytes_received)
                await fetcher.fetch(server.url("/page"))
                await fetcher.fetch(server.url("/chunked-in-pieces"))
                seen.append((told[:2], b"".join(one for one in told if isinstance(one, bytes)), told[2][:3]))
    assert seen[0] == seen[1]


async def test_more_header_than_aiohttp_takes():
    """A header line of more than 8,190 bytes fails there; a long Content-Security-Policy is no attack."""
    script = {"/": (page(b"x", b"X-Long: " + b"y" * 20_000, *(b"X-%d: 1" % n for n in range(200))),)}
    async with scripted(script) as server, stock() as theirs, ours() as fetcher:
        assert await theirs.outcome(server.url()) == ("DownloadFailedError",)
        response = await fetcher.fetch(server.url())
    assert len(response.headers[b"X-Long"]) == 20_000
    assert len(response.headers) == 203


async def test_a_header_that_is_no_utf_8_keeps_its_bytes():
    async with scripted({"/": (page(b"x", b"X-Name: Zo\xeb"),)}) as server, ours() as fetcher:
        response = await fetcher.fetch(server.url())
    assert response.headers[b"X-Name"] == b"Zo\xeb"


async def test_names_and_addresses(caplog):
    caplog.set_level(logging.WARNING)
    async with scripted(ALL) as server, scripted(ALL, address="::1") as six:
        for make in (stock, ours):
            async with make() as fetcher:
                by_name = await fetcher.fetch(server.url("/page").replace("127.0.0.1", "localhost"))
                by_six = await fetcher.fetch(six.url("/page"))
                assert (by_name.body, by_six.body) == (b"<p>hello",) * 2
                assert str(by_six.ip_address) == "::1"
                unknown = await fetcher.outcome("http://no-such-name.invalid/")
                too_long = await fetcher.outcome(f"http://{'a' * 70}.invalid/")
                refused = await fetcher.outcome("http://127.0.0.1:1/")
                assert (unknown, refused) == (("CannotResolveHostError",), ("DownloadConnectionRefusedError",))
        assert too_long == ("CannotResolveHostError",)
    assert six.heads[0] == six.heads[1]


@pytest.mark.parametrize("address", ["127.0.0.5", ("127.0.0.6", 0)])
async def test_a_local_address_of_ones_own(address):
    async with scripted(ALL) as server, ours(DOWNLOAD_BIND_ADDRESS=address) as fetcher:
        assert (await fetcher.fetch(server.url("/page"))).status == 200
    assert server.peers == {address if isinstance(address, str) else address[0]}
