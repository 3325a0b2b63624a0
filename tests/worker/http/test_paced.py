"""Is the pace kept at the last point before the wire with our handler too? The same promises as in test_pacing."""

import asyncio
import gzip

import pytest
from scrapy import Request, signals
from scrapy.core.downloader.handlers._aiohttp import AiohttpDownloadHandler
from scrapy.exceptions import DownloadFailedError, DownloadTimeoutError

from crawlfleet_frontier.client import clock
from crawlfleet_worker.fast.own_http import install
from crawlfleet_worker.fast.stock import StepAside
from crawlfleet_worker.frontier import pacing
from crawlfleet_worker.frontier.ports import Outcome, wiring_of
from crawlfleet_worker.frontier.sending import Gate
from tests.servers.scripted import BREATHE, CLOSE, HOLD, scripted
from tests.worker.frontier.crawls import OneByOne, run, stock
from tests.worker.frontier.crawls import ours as paced
from tests.worker.frontier.fakes import FakePacer, FakeSlot
from tests.worker.frontier.server import Answer, drops_kept_connections, serving
from tests.worker.http.behaviours import page
from tests.worker.http.crawls import with_own_http

ONCE = {"dont_retry": True}


def ours(pacer=None, **settings):
    return with_own_http(paced(pacer=pacer, **settings))


async def test_every_request_has_a_slot_that_ends_once():
    pacer = FakePacer()
    async with serving() as server:
        spider = await run(ours(pacer), *(Request(server.url(f"/{n}")) for n in range(5)))
    assert len(spider.got) == 5, spider.failed
    assert [(slot.looks, len(slot.ends)) for slot in pacer.slots] == [(1, 1)] * 5
    assert all(0 <= slot.ends[0][0] < 5 and slot.ends[0][1] == Outcome("success") for slot in pacer.slots)
    assert server.connections == 1


async def test_the_server_sees_no_gap_below_the_delay():
    pacer = FakePacer(delay=0.05)
    async with serving() as server:
        await run(ours(pacer), *(Request(server.url(f"/{n}")) for n in range(12)))
    assert len(server.arrivals) == 12
    assert min(server.gaps()) >= 0.05


class DatingSlot(FakeSlot):
    """Knows when the answer began, as it was told."""

    began = 0.0

    def used(self, first_byte_age, outcome):
        DatingSlot.began = clock.now() - first_byte_age
        super().used(first_byte_age, outcome)


class Leased(OneByOne):
    """Gives its one request a slot that dates."""

    async def start(self):
        async for request in super().start():
            wiring_of(self.crawler).slots.give(request, DatingSlot("127.0.0.1"))
            yield request


async def test_the_first_byte_is_dated_and_not_the_head(monkeypatch):
    """By then the request had arrived; the head is complete a while later."""
    heard, told = asyncio.Event(), []
    tell = Gate.heard
    monkeypatch.setattr(Gate, "heard", lambda gate: (tell(gate), heard.set()))
    crawler = with_own_http(paced(Leased))
    crawler.signals.connect(lambda: told.append(clock.now()), signals.headers_received, weak=False)
    async with scripted({"/": (page()[:9], HOLD, page()[9:], CLOSE)}) as server:
        crawl = asyncio.create_task(run(crawler, Request(server.url())))
        await asyncio.wait_for(heard.wait(), 5)
        await asyncio.sleep(0.3)
        server.go_on.set()
        await asyncio.wait_for(crawl, 10)
    assert DatingSlot.began <= told[0] - 0.2


async def test_a_dropped_keep_alive_is_sent_again_only_under_a_slot_of_its_own():
    pacer = FakePacer(delay=0.05)
    async with serving(drops_kept_connections()) as server:
        crawler = ours(pacer)
        spider = await run(crawler, *(Request(server.url(f"/{n}")) for n in range(6)))
    assert {response.url for response in spider.got} == {server.url(f"/{n}") for n in range(6)}
    assert len(server.arrivals) > 6
    assert min(server.gaps()) >= 0.05
    assert len(pacer.slots) == len(server.arrivals)
    assert crawler.stats.get_value("retry/count", 0) == 0


async def test_a_kept_connection_that_ends_within_a_head_is_not_sent_again():
    """The server has seen the request and begun to answer: that is for the retry middleware to decide."""

    class Breaking(dict):
        asked = 0

        def __missing__(self, path):
            self.asked += 1
            return (page(),) if self.asked == 1 else (b"HTTP/1.1 2", BREATHE, CLOSE)

    async with scripted(Breaking()) as server:
        spider = await run(ours(), *(Request(server.url(f"/{n}"), meta=ONCE) for n in range(2)))
        assert [type(error) for error in spider.failed] == [DownloadFailedError]
        assert len(server.heads) == 2


async def test_a_dropped_post_is_not_sent_again():
    async with serving(drops_kept_connections()) as server:
        requests = [Request(server.url(f"/{n}"), method="POST", meta=ONCE) for n in range(2)]
        spider = await run(ours(), *requests)
    assert len(server.arrivals) == 2
    assert [type(error) for error in spider.failed] == [DownloadFailedError]


async def test_a_connection_that_never_works_is_asked_once():
    pacer = FakePacer()
    async with serving(lambda arrival: Answer(drop=True)) as server:
        spider = await run(ours(pacer), Request(server.url(), meta=ONCE))
    assert [type(error) for error in spider.failed] == [DownloadFailedError]
    assert [slot.ends for slot in pacer.slots] == [[(0.0, Outcome("none"))]]
    assert len(server.arrivals) == 1


async def test_a_slot_that_is_void_when_the_connection_stands_sends_nothing():
    """The last look is after connect, before the write; the connection serves the next slot."""
    pacer = FakePacer()
    pacer.fence_first = 1
    async with serving() as server:
        spider = await run(ours(pacer), Request(server.url()))
    assert len(spider.got) == 1
    assert len(server.arrivals) == 1
    assert server.connections == 1
    assert [(slot.looks, slot.ends[0] == "unused") for slot in pacer.slots] == [(1, True), (1, False)]


async def test_slots_that_all_run_out_end_as_a_time_out():
    pacer = FakePacer()
    pacer.lapse_first = 100
    async with serving() as server:
        spider = await run(ours(pacer), Request(server.url(), meta=ONCE))
    assert [type(error) for error in spider.failed] == [DownloadTimeoutError]
    assert [slot.ends for slot in pacer.slots] == [["unused"]] * pacing.MOST_LAPSES
    assert server.arrivals == []


async def test_a_cancelled_download_ends_its_slot_once_and_its_connection():
    pacer = FakePacer()
    async with scripted({"/": (HOLD, CLOSE)}) as server:
        crawler = ours(pacer)
        crawl = asyncio.create_task(run(crawler, Request(server.url(), meta={"download_timeout": 30, **ONCE})))
        await asyncio.wait_for(server.until_heard(1), 5)
        handler = crawler.engine.downloader.handlers._handlers["http"]
        direct = asyncio.create_task(handler.download_request(Request(server.url().replace("127.0.0.1", "localhost"))))
        await asyncio.wait_for(server.until_heard(2), 5)
        direct.cancel()
        await asyncio.gather(direct, return_exceptions=True)
        await asyncio.wait_for(server.until_open(1), 5)
        server.go_on.set()
        await asyncio.wait_for(crawl, 10)
    assert [len(slot.ends) for slot in pacer.slots] == [1, 1]


@pytest.mark.parametrize("make", [stock, lambda **settings: with_own_http(stock(**settings))], ids=["stock", "own"])
async def test_a_decompression_bomb_ends_as_with_scrapys_handler(make):
    bomb = gzip.compress(b"\0" * 50_000_000)
    bodies = {"/": bomb, "/small": gzip.compress(b"<p>small")}
    script = {path: (page(body, b"Content-Encoding: gzip"),) for path, body in bodies.items()}
    async with scripted(script) as server:
        spider = await run(make(DOWNLOAD_MAXSIZE=1_000_000), *(Request(server.url(path)) for path in script))
    assert [type(error).__name__ for error in spider.failed] == ["IgnoreRequest"]
    assert [response.body for response in spider.got] == [b"<p>small"]


class Mine(AiohttpDownloadHandler):
    """One of the user's."""


class Late(Mine):
    lazy = True


@pytest.mark.parametrize("handler", [Mine, Late])
async def test_a_handler_of_the_projects_own_stays(handler):
    crawler, why = paced(DOWNLOAD_HANDLERS={"https": handler}), []

    def opened():
        with pytest.raises(StepAside) as aside:
            install(crawler)
        why.append(str(aside.value))

    crawler.signals.connect(opened, signals.spider_opened)
    async with serving() as server:
        spider = await run(crawler, Request(server.url()))
    assert len(spider.got) == 1
    assert why == [f"the handler of https, {handler.__name__}, is not AiohttpDownloadHandler"]


async def test_what_the_proxy_gets_is_paced_too():
    pacer = FakePacer()
    async with scripted({"http://shop.example/": (page(b"by proxy"),)}) as proxy:
        spider = await run(ours(pacer), Request("http://shop.example/", meta={"proxy": proxy.url("")}))
    assert [response.body for response in spider.got] == [b"by proxy"]
    assert [(slot.host, slot.looks, len(slot.ends)) for slot in pacer.slots] == [("shop.example", 1, 1)]
