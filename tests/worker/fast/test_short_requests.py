"""Is a request that is made, measured and followed the short way the one that Scrapy would have made?"""

import random

import pytest
import scrapy.downloadermiddlewares.redirect
import scrapy.downloadermiddlewares.stats
from scrapy import Request
from scrapy.http import FormRequest, Headers, HtmlResponse, TextResponse
from scrapy.link import Link
from scrapy.utils.request import request_httprepr
from scrapy.utils.response import get_meta_refresh

from crawlfleet_worker.fast import meta_refresh, requests, sizes
from crawlfleet_worker.fast.stock import StepAside
from tests.worker.fast.odd_urls import url as some_url
from tests.worker.fast.replaced import in_place

PATCHED = (
    (Request, "__init__"),
    (TextResponse, "follow"),
    (scrapy.downloadermiddlewares.redirect, "get_meta_refresh"),
    (scrapy.downloadermiddlewares.stats, "request_httprepr"),
)
ARGUMENTS = {
    "callback": [None, print, "no", 7],
    "method": ["GET", "post", "PUT", b"GET", None, "ÄÖ"],
    "headers": [None, {}, {"A": "b"}, {"a": ["b", b"c"], "D": 7}, [("x", "y")], Headers({"é": "é"}), 7, {"Empty": []}],
    "body": [None, "", b"", "ü", b"raw", 7],
    "cookies": [None, {}, {"a": "b"}, [{"name": "a", "value": "b"}]],
    "meta": [None, {}, {"a": [1]}, {"verbatim_url": True}, 7],
    "encoding": ["utf-8", "latin-1", "utf-16", None, "no such"],
    "priority": [0, -3, True, 1.5, "1"],
    "dont_filter": [False, True, 0, None],
    "errback": [None, len, "no"],
    "flags": [None, [], ["a"], "ab"],
    "cb_kwargs": [None, {}, {"a": 1}, 7],
    "unknown": [1],
}


class Own(Request):
    """A class of the user's."""

    def _set_url(self, url):
        super()._set_url(url + "own")


KINDS = [Request, FormRequest, Own]


@pytest.fixture
def shortened():
    def install():
        for room in (requests, meta_refresh, sizes):
            room.install(None)

    with in_place():
        yield install


def made(seed):
    choice = random.Random(seed)
    url = choice.choice(
        [
            some_url(choice),
            some_url(choice),
            some_url(choice),
            "http://a.example/b?c=d",
            "http://a.example/",
            7,
            None,
            b"http://a/",
            "//x",
            "http://a//b",
        ]
    )
    usual = choice.random() < 0.5
    names = choice.sample([*ARGUMENTS], choice.randrange(5))
    named = {
        name: choice.choice(ARGUMENTS[name][: 2 if usual else None])
        for name in names
        if not (usual and name == "unknown")
    }
    given = [named.pop("callback")] if choice.random() < 0.5 and "callback" in named else []
    page = HtmlResponse("http://a.example/deep/page", body=b"<a>", encoding=choice.choice(["utf-8", "cp1252"]))
    kind = choice.choice(KINDS)
    how = choice.choice([lambda: kind(url, *given, **named), lambda: page.follow(url, *given, **named)])
    return outcome(how), outcome(lambda: page.follow(Link("c?ä"), **named)), outcome(lambda: page.follow(None))


def outcome(how):
    try:
        request = how()
    except Exception as error:
        return type(error), str(error)
    kept = [getattr(request, name, "unset") for name in Request.__slots__ if name != "__weakref__"]
    size = outcome_of_size(request)
    return type(request), kept, request.copy().url, size


def outcome_of_size(request):
    return outcome_of(lambda: len(vars(scrapy.downloadermiddlewares.stats)["request_httprepr"](request)))


def outcome_of(how, *given):
    try:
        return how(*given)
    except Exception as error:
        return type(error), str(error)


@pytest.mark.parametrize("block", range(4))
def test_requests_are_made_the_same(shortened, block):
    seeds = range(1000 * block, 1000 * block + 1000)
    before = [made(seed) for seed in seeds]
    shortened()
    assert Request.__init__ is requests.short_init
    for seed, wanted in zip(seeds, before, strict=True):
        assert made(seed) == wanted, seed


def test_most_lengths_are_counted_and_right(shortened):
    shortened()
    for headers in (None, {"A": "b"}, {"A": ["b", "cd"], "Ef": []}, {"Ef": []}):
        request = Request("http://a.example:81/b?c=d", headers=headers, method="POST", body="text")
        size = sizes.representation(request)
        assert isinstance(size, range)
        assert len(size) == len(request_httprepr(request))


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<meta http-equiv=refresh content='3; url=/to'>",
        "<META HTTP-EQUIV='Refresh' CONTENT='0;URL=to'>",
        "<base href='http://[1'>",
        "<base href=http://b.example/x/><meta http-equiv=refresh content='3; url=to'>",
        "<script><meta http-equiv=refresh content='3; url=/to'></script>",
        "<!-- <meta http-equiv=refresh content='3; url=/to'> -->",
        "." * 4070 + "<meta http-equiv=refresh content='3; url=/to'>",
        "." * 4090 + "<meta http-equiv=refresh content='3; url=/to'>",
        "<meta http-equiv=ref<!-- -->resh content='3; url=/to'>",
        "<meta http-equiv=&#114;efresh content='3; url=/to'>",
        "<meta name=k content='nothing'>",
    ],
)
@pytest.mark.parametrize("ignored", [("script", "noscript"), (), ["meta"]])
def test_a_refresh_is_found_as_before(body, ignored):
    def page():
        return HtmlResponse("http://a.example/b", body=body.encode(), encoding="utf-8")

    assert outcome_of(meta_refresh.refresh_of, page(), ignored) == outcome_of(get_meta_refresh, page(), ignored)


@pytest.mark.parametrize(("owner", "name"), PATCHED)
def test_what_somebody_else_replaced_stays(shortened, monkeypatch, owner, name):
    monkeypatch.setattr(owner, name, lambda *_, **__: None)
    with pytest.raises(StepAside):
        shortened()
