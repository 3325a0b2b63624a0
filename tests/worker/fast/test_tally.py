"""Is every page counted, on the fast path that it went through or among those left to Scrapy, with the reason?"""

from collections import Counter

import pytest
from scrapy import Request
from scrapy.http import HtmlResponse

from crawlfleet_worker.fast.tally import Tally, fell_back
from tests.worker.fast.replaced import in_place

BODY = ("REQUESTS", "body")
ODD = ("URLS", "odd_url")


def told(tally):
    counts = Counter()
    tally.tell(lambda name, pages: counts.update({name: pages}))
    return dict(counts)


@pytest.fixture
def tally():
    return Tally(("URLS", "REQUESTS"), {"HTTP": "off"})


def test_a_page_counts_once_on_each_path(tally):
    for said in ([], [ODD, ODD], [ODD, BODY], []):
        for one in said:
            fell_back(one)
        tally.page()
    assert told(tally) == {
        "fast_pages:URLS": 2,
        "fast_pages:REQUESTS": 3,
        "fallback_pages:URLS:odd_url": 2,
        "fallback_pages:REQUESTS:body": 1,
        "fallback_pages:HTTP:off": 4,
    }


def test_what_was_told_is_not_told_again(tally):
    tally.page()
    told(tally)
    assert told(tally) == {}
    tally.page()
    assert told(tally) == {"fast_pages:URLS": 1, "fast_pages:REQUESTS": 1, "fallback_pages:HTTP:off": 1}


def test_a_page_with_two_reasons_is_one_page_less_on_its_path(tally):
    fell_back(("REQUESTS", "subclass"))
    fell_back(BODY)
    tally.page()
    assert told(tally) == {
        "fast_pages:URLS": 1,
        "fallback_pages:REQUESTS:subclass": 1,
        "fallback_pages:REQUESTS:body": 1,
        "fallback_pages:HTTP:off": 1,
    }


def test_a_path_that_is_not_in_place_says_nothing_of_its_own(tally):
    fell_back(("HTTP", "scrapys_handler"))
    tally.page()
    assert "fallback_pages:HTTP:scrapys_handler" not in told(tally)


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (lambda page: page.follow("/a b"), "URLS:odd_url"),
        (lambda page: page.follow("HTTP://Other.example/"), "URLS:odd_url"),
        (lambda _: Request("http://a.example/", method="POST", body="x"), "REQUESTS:body"),
        (lambda _: Request("http://a.example/ä"), "REQUESTS:odd_url"),
        (lambda _: type("Own", (Request,), {})("http://a.example/"), "REQUESTS:subclass"),
        (lambda page: page.follow(page.css("a")[0]), "REQUESTS:no_text"),
    ],
)
def test_the_reason_is_named(made, reason, tally):
    page = HtmlResponse("http://a.example/b/", body=b"<a href='c'>c</a>", encoding="utf-8")
    with in_place("URLS", "REQUESTS"):
        made(page)
    tally.page()
    assert told(tally)[f"fallback_pages:{reason}"] == 1


@pytest.mark.parametrize("link", ["c", "/c/d?e=f#g", "../c", "http://b.example/c", "https://b.example/"])
def test_plain_links_are_left_to_nobody(link, tally):
    page = HtmlResponse("http://a.example/b/", body=b"", encoding="utf-8")
    with in_place("URLS", "REQUESTS"):
        page.follow(link)
    tally.page()
    assert told(tally) == {"fast_pages:URLS": 1, "fast_pages:REQUESTS": 1, "fallback_pages:HTTP:off": 1}
