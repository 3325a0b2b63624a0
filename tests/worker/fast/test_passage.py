"""Does a page's tree go with the page, unless somebody still has it?"""

import asyncio
import gc
from types import SimpleNamespace
from weakref import ref

import pytest
from scrapy.http import HtmlResponse
from scrapy.utils.reactor import CallLaterOnce

from crawlfleet_worker.fast import passage


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
    assert passage.holders(result) == passage.NOBODY_ELSE
    result._cached_selector = None
    assert tree() is None


@pytest.mark.parametrize("kept", [lambda result: result, lambda result: result.selector, lambda result: [result]])
def test_what_somebody_has_stays_as_it_is(no_collector, kept):
    result = page()
    held = kept(result)
    assert passage.holders(result) != passage.NOBODY_ELSE, held


def test_what_has_no_selector_is_left_alone():
    for other in (None, SimpleNamespace(), HtmlResponse("http://a.example/")):
        assert passage.holders(other) == passage.NO_SELECTOR != passage.NOBODY_ELSE


async def test_the_next_call_comes_once_and_needs_no_timer(monkeypatch):
    loop = asyncio.get_running_loop()
    calls, timers = [], []
    nextcall = CallLaterOnce(lambda: calls.append(1))
    schedule = passage.soon(nextcall, loop)
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
    schedule = passage.soon(CallLaterOnce(called.set), asyncio.get_running_loop())
    schedule(0.01)
    async with asyncio.timeout(5):
        await called.wait()
