"""Does a Scrapy or an aiohttp that we do not know end the worker before anything is leased?"""

import aiohttp
import pytest
from scrapy.core.engine import ExecutionEngine
from scrapy.core.scraper import Scraper
from scrapy.spiders import CrawlSpider

from crawlfleet_worker.engine import self_test
from crawlfleet_worker.exits import ExitCode, WorkerExit
from crawlfleet_worker.frontier.parts import check_names

NAMES = [
    (ExecutionEngine, "_handle_downloader_output"),
    (Scraper, "call_spider_async"),
    (Scraper, "handle_spider_output_async"),
    (Scraper, "handle_spider_error"),
    (CrawlSpider, "_errback"),
]


@pytest.mark.parametrize(("owner", "name"), NAMES)
def test_a_scrapy_without_a_name_is_refused(monkeypatch, owner, name):
    monkeypatch.delattr(owner, name)
    with pytest.raises(WorkerExit, match=f"{owner.__name__}.{name}") as end:
        self_test()
    assert end.value.code is ExitCode.UNSUPPORTED_SCRAPY


def test_an_aiohttp_without_a_name_is_refused(monkeypatch):
    monkeypatch.delattr(aiohttp.ClientRequest, "send")
    with pytest.raises(WorkerExit, match=r"ClientRequest\.send") as end:
        check_names()
    assert end.value.code is ExitCode.UNSUPPORTED_SCRAPY


def test_the_ones_installed_are_known():
    self_test()
    check_names()
