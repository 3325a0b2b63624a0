"""Does a page's link come to have its depth and its Referer in one step?"""

from types import SimpleNamespace

import pytest
from scrapy import Request
from scrapy.http import HtmlResponse
from scrapy.settings import Settings
from scrapy.spidermiddlewares.depth import DepthMiddleware
from scrapy.statscollectors import MemoryStatsCollector

from crawlfleet_worker.fast.links import Links


def page_and_stats(**rules):
    stats = MemoryStatsCollector(SimpleNamespace(settings=Settings()))
    rule = DepthMiddleware(rules.get("maxdepth", 0), stats, rules.get("verbose", False), rules.get("prio", 0))
    request = Request("http://a.example/b", meta={"depth": 2})
    return Links(rule, 40).of(HtmlResponse(request.url, request=request)), stats


def test_a_link_is_one_deeper_than_its_page():
    page, stats = page_and_stats(prio=2)
    links = [Request(f"http://a.example/{number}", priority=1) for number in range(3)]
    assert all(map(page.passes, links))
    for link in links:
        assert (link.meta, link.priority) == ({"depth": 3}, 1 - 6)
        assert link.headers.to_unicode_dict() == {"Referer": "http://a.example/b"}
    assert stats.get_value("request_depth_max") == 3


@pytest.mark.parametrize(
    ("rules", "link"),
    [
        ({"maxdepth": 2}, Request("http://a.example/")),
        ({"verbose": True}, Request("http://a.example/")),
        ({}, Request("http://a.example/" + "x" * 40)),
        ({}, Request("http://a.example/#a part")),
        ({}, Request("http://a.example/", meta={"referrer_policy": "origin"})),
        ({}, Request("http://a.example/", encoding="utf-16")),
        ({}, Request("ftp://a.example/")),
    ],
)
def test_a_link_that_is_out_of_the_ordinary_is_not_touched(rules, link):
    page, stats = page_and_stats(**rules)
    assert not page.passes(link)
    assert link._headers is None
    assert "depth" not in link.meta
    assert not stats.get_stats()


def test_the_depth_of_a_page_may_have_been_taken_away():
    request = Request("http://a.example/b")
    page = Links(DepthMiddleware(0, None, False, 0), 40).of(HtmlResponse(request.url, request=request))
    assert not page.passes(Request("http://a.example/"))
