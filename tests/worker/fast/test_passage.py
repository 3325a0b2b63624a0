"""Does a page's tree go with the page, unless somebody still has it?"""

import asyncio
import gc
from types import SimpleNamespace
from weakref import ref

import pytest
import scrapy
from scrapy.http import HtmlResponse
from scrapy.utils.reactor import CallLaterOnce

from crawlfleet_worker.fast import holders, next_look
from tests.worker.fast.crawling import twice
from tests.worker.frontier.server import Answer, serving


def page():
    made = HtmlResponse("http://a.example/", body=b"<p>1</p>", encoding="utf-8")
    made.css("p").get()
    return made


@pytest.fixture
def no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def test_a_page_that_nobody_has_is_gone_at_once(no_collector):
    result = page()
    tree = ref(result.selector)
    assert holders.holders(result) == holders.NOBODY_ELSE
    result._cached_selector = None
    assert tree() is None


@pytest.mark.parametrize("kept", [lambda result: result, lambda result: result.selector, lambda result: [result]])
def test_what_somebody_has_stays_as_it_is(no_collector, kept):
    result = page()
    held = kept(result)
    assert holders.holders(result) != holders.NOBODY_ELSE, held


def test_what_has_no_selector_is_left_alone():
    for other in (None, SimpleNamespace(), HtmlResponse("http://a.example/")):
        assert holders.holders(other) == holders.NO_SELECTOR != holders.NOBODY_ELSE


class Keeping(scrapy.Spider):
    """Changes the tree of every page, keeps every second page, and looks at the end what is left of them."""

    name = "keeping"
    start_urls = ()

    def __init__(self, start="", **arguments):
        super().__init__(**arguments)
        self.start_urls = [f"{start}/{number}" for number in range(20)]
        self.kept, self.trees = [], []

    def parse(self, response):
        response.selector.root.set("seen", response.url)
        if response.url.endswith(("0", "2", "4", "6", "8")):
            self.kept.append(response)
        else:
            self.trees.append(ref(response.selector))
        yield {"url": response.url}

    def closed(self, reason):
        Keeping.as_they_were = [page.selector.root.get("seen") == page.url for page in self.kept]
        Keeping.left = [tree for tree in self.trees if tree() is not None]


async def test_a_crawl_keeps_what_the_spider_keeps_and_nothing_else(no_collector, all_put_back, caplog):
    async with serving(lambda arrival: Answer(body=b"<p>1</p>")) as server:
        _, fast = await twice(Keeping, {}, server, caplog, start=server.url("/page"))
    assert "PASSAGE" in fast.on
    assert Keeping.as_they_were == [True] * 10
    assert Keeping.left == []


async def test_the_next_call_comes_once_and_needs_no_timer(monkeypatch):
    loop = asyncio.get_running_loop()
    calls, timers = [], []
    nextcall = CallLaterOnce(lambda: calls.append(1))
    schedule = next_look.soon(nextcall, loop)
    monkeypatch.setattr(loop, "call_later", lambda *given: timers.append(given))
    for _ in range(3):
        schedule()
    await asyncio.sleep(0)
    assert (calls, timers, nextcall._call) == ([1], [], None)
    schedule()
    nextcall.cancel()
    await asyncio.sleep(0)
    assert calls == [1]


async def test_a_call_that_shall_come_later_does():
    called = asyncio.Event()
    schedule = next_look.soon(CallLaterOnce(called.set), asyncio.get_running_loop())
    schedule(0.01)
    async with asyncio.timeout(5):
        await called.wait()
