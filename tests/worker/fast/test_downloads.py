"""Are downloader middlewares called as Scrapy calls them, also those that come later and those that it wraps?"""

import pytest
from scrapy import Request, Spider
from scrapy.core.downloader.middleware import DownloaderMiddlewareManager
from scrapy.exceptions import _InvalidOutput
from scrapy.http import Response
from scrapy.utils.decorators import _warn_spider_arg
from scrapy.utils.test import get_crawler

from crawlfleet_worker.fast.downloads import Calls, unwrapped

REQUEST = Request("http://a.example/")


class Answering:
    async def process_request(self, request):
        return Response("http://of.its.own/")


class Erring:
    def process_response(self, request, response):
        return "garbage"


class Wrapped:
    @_warn_spider_arg
    def process_request(self, request, spider=None):
        return self

    def process_response(self, request, response):
        return self


async def downloaded(request):
    return Response(request.url)


async def test_a_middleware_that_is_added_later_is_called():
    manager = DownloaderMiddlewareManager(crawler=get_crawler(Spider))
    calls = Calls(manager)
    assert (await calls.requests(REQUEST, downloaded)).url == REQUEST.url
    manager._add_middleware(Answering())
    manager._add_middleware(Erring())
    answer = await calls.requests(REQUEST, downloaded)
    assert answer.url == "http://of.its.own/"
    with pytest.raises(_InvalidOutput, match=r"Erring\.process_response must return Response or Request"):
        await calls.responses(answer, REQUEST)


def test_only_scrapys_wrapper_is_taken_off():
    one = Wrapped()
    assert unwrapped(one.process_request)(request=REQUEST) is one
    assert unwrapped(one.process_request).__func__ is Wrapped.process_request.__wrapped__
    for other in (one.process_response, len, Wrapped.process_request):
        assert unwrapped(other) is other or unwrapped(other) == other
