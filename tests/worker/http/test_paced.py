"""What of the pace is our handler's own? What holds for Scrapy's handler too stands in test_pacing, for both."""

import asyncio
import gzip

import pytest
from scrapy import Request, signals
from scrapy.core.downloader.handlers._aiohttp import AiohttpDownloadHandler
from scrapy.exceptions import DownloadFailedError

from crawlfleet_frontier.client import clock
from crawlfleet_worker.fast.own_http import install
from crawlfleet_worker.fast.stock import StepAside
from crawlfleet_worker.frontier.ports import wiring_of
from crawlfleet_worker.frontier.sending import Gate
from tests.servers.scripted import BREATHE, CLOSE, HOLD, scripted
from tests.worker.frontier.crawls import OneByOne, run, stock
from tests.worker.frontier.crawls import ours as paced
from tests.worker.frontier.fakes import FakePacer, FakeSlot
from tests.worker.frontier.server import serving
from tests.worker.http.behaviours import page
from tests.worker.http.crawls import with_own_http

ONCE = {"dont_retry": True}


def ours(pacer=None, **settings):
    return with_own_http(paced(pacer=pacer, **settings))


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
