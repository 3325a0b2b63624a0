"""Does a callback's output come to what Scrapy makes of it, with the same warnings and errors?"""

import asyncio
import functools
import inspect
import types
import warnings
from types import SimpleNamespace

import pytest
from scrapy import Request, Spider
from scrapy.core.scraper import Scraper
from scrapy.http import Response
from scrapy.settings import Settings
from twisted.internet.defer import succeed
from twisted.python.failure import Failure

from crawlfleet_worker.fast import callbacks
from crawlfleet_worker.fast.callbacks import Callbacks


class Asked(Spider):
    """One method for each kind of callback."""

    name = "asked"

    def generator(self, response, **named):
        yield {"url": response.url, **named}

    def with_a_value(self, response):
        yield 1
        return 2

    def nothing(self, response):
        return None

    def a_list(self, response):
        return [1, {"a": 2}]

    def an_empty_list(self, response):
        return []

    def a_tuple(self, response):
        return 1, 2

    def a_dict(self, response):
        return {"one": "item"}

    def a_request(self, response):
        return Request("http://a.example/")

    def a_text(self, response):
        return "text"

    def a_deferred(self, response):
        return succeed([1])

    async def a_coroutine(self, response):
        await asyncio.sleep(0)
        return [1, 2]

    async def a_coroutine_with_nothing(self, response):
        return None

    async def an_async_generator(self, response):
        yield 1

    @types.coroutine
    def an_old_coroutine(self, response):
        yield
        return [1]

    def an_error(self, response):
        raise ValueError("in the callback")

    def no_named(self, response):
        return [1]

    def parse(self, response, **named):
        yield "parsed"


KINDS = [name for name, one in vars(Asked).items() if inspect.isfunction(one) and not name.startswith("_")]


def scraper_of(spider, **settings):
    scraper = Scraper.__new__(Scraper)
    spider.settings = Settings({"WARN_ON_GENERATOR_RETURN_VALUE": True, **settings})
    scraper.crawler = SimpleNamespace(spider=spider)
    return scraper


def plain(function):
    """Return what somebody made of a method."""

    def made(response, **named):
        return function(response, **named)

    return made


MADE = {"as it is": lambda one: one, "partial": functools.partial, "function": plain}


async def all_of(output):
    if hasattr(output, "__aiter__"):
        return "later", [one async for one in output]
    return [repr(one) for one in output]


async def outcome(call, callback, result=None, **more):
    request = Request("http://a.example/", callback=callback, **more)
    response = Response("http://a.example/", request=request) if result is None else result
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            found = await all_of(await call(response, request))
        except Exception as error:
            found = type(error), str(error)
    assert request.callback is callback
    return found, [(one.category, str(one.message)) for one in told]


@pytest.mark.parametrize("made", MADE)
@pytest.mark.parametrize("kind", KINDS)
async def test_it_comes_to_the_same_each_time(kind, made):
    spider = Asked()
    scraper = scraper_of(spider)
    callback = MADE[made](getattr(spider, kind))
    expected = [await outcome(scraper.call_spider_async, callback) for _ in range(2)]
    short = Callbacks(scraper)
    assert [await outcome(short.call, callback) for _ in range(2)] == expected


@pytest.mark.parametrize("on", [True, False])
async def test_a_generator_that_returns_a_value_is_warned_of_each_time(on):
    spider = Asked()
    short = Callbacks(scraper_of(spider, WARN_ON_GENERATOR_RETURN_VALUE=on))
    for _ in range(3):
        _, told = await outcome(short.call, spider.with_a_value)
        assert len(told) == on


async def test_named_arguments_and_the_default_callback():
    spider = Asked()
    scraper = scraper_of(spider)
    for callback, named in ((spider.generator, {"a": 1}), (None, {"b": 2}), (spider.no_named, {"c": 3})):
        expected = await outcome(scraper.call_spider_async, callback, cb_kwargs=named)
        assert await outcome(Callbacks(scraper).call, callback, cb_kwargs=named) == expected


async def test_a_failure_is_scrapys():
    spider = Asked()
    scraper = scraper_of(spider)
    error = ValueError("no page")
    expected = await outcome(scraper.call_spider_async, None, Failure(error))
    assert await outcome(Callbacks(scraper).call, None, Failure(error)) == expected


async def test_functions_made_for_each_request_are_not_kept_for_ever(monkeypatch):
    monkeypatch.setattr(callbacks, "MOST_FUNCTIONS", 10)
    spider = Asked()
    short = Callbacks(scraper_of(spider))
    for _ in range(30):
        await outcome(short.call, plain(spider.a_list))
    assert len(short._usual) <= 10
