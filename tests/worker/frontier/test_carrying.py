"""A request means the same on another worker: same bytes on the wire, same callback, same meta."""

import functools
import logging

import pytest
import scrapy
from hypothesis import given, settings
from hypothesis import strategies as st
from scrapy import FormRequest, Request
from scrapy.http import JsonRequest, XmlRpcRequest
from scrapy.http.request import NO_CALLBACK

from crawlfleet_worker.frontier.callbacks import UnknownCallback
from crawlfleet_worker.frontier.carrying import CannotCarry, CannotRestore, carry, restore
from tests.worker.frontier.things import Books, Crawler, Page, TunedRequest

URL = "http://a.example/page?q=1"


def again(request, spider=None):
    """What another worker, with a spider object of its own, gets."""
    writer, reader = spider or Books(), type(spider or Books())()
    return restore(carry(request, writer), reader).request


def described(request, spider):
    return {**request.to_dict(spider=spider), "class": type(request)}


def test_a_bare_get_is_its_url():
    assert carry(Request(URL), Books()) == URL.encode()
    assert carry(Request(URL, headers={}, meta={}, cb_kwargs={}, flags=[]), Books()) == URL.encode()


@pytest.mark.parametrize(
    "fields",
    [
        {"method": "HEAD"},
        {"priority": 1},
        {"encoding": "latin-1"},
        {"errback": None},
        {"dont_filter": True},
        {"body": b"x"},
        {"meta": {"a": 1}},
        {"cb_kwargs": {"a": 1}},
        {"headers": {"A": "1"}},
        {"cookies": {"a": "1"}},
        {"flags": ["a"]},
    ],
)
def test_nothing_of_a_request_is_taken_for_bare(fields):
    spider = Books()
    if "errback" in fields:
        fields = {"errback": spider.failed}
    request = Request(URL, **fields)
    assert described(restore(carry(request, spider), spider).request, spider) == described(request, spider)
    assert carry(request, spider) != URL.encode()


def test_id_and_jar_version_travel_beside_the_request():
    found = restore(carry(Request(URL, meta={"id": 1}), Books(), id="-42", jar_version=7), Books())
    assert (found.id, found.jar_version, found.request.meta) == ("-42", 7, {"id": 1})


texts = st.text(max_size=8)
requests = st.builds(
    Request,
    st.sampled_from([URL, "https://b.example/ü?ä=ß", "http://c.example:8080/a%20b"]),
    method=st.sampled_from(["GET", "POST", "HEAD"]),
    headers=st.dictionaries(
        st.sampled_from(["Accept", "X-One", "User-Agent", "x-two"]),
        st.one_of(st.none(), st.text(), st.lists(st.text(max_size=5))),
    ),
    body=st.binary(max_size=20),
    cookies=st.one_of(
        st.dictionaries(texts, texts), st.lists(st.fixed_dictionaries({"name": texts, "value": texts, "path": texts}))
    ),
    meta=st.dictionaries(texts, st.integers()),
    encoding=st.sampled_from(["utf-8", "latin-1"]),
    priority=st.integers(),
    dont_filter=st.booleans(),
    flags=st.lists(texts),
    cb_kwargs=st.dictionaries(texts, st.text()),
)


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_every_attribute_travels(data):
    try:
        request = data.draw(requests)
    except UnicodeEncodeError:  # a header that the encoding cannot write: no request to begin with
        return
    back = again(request)
    assert described(back, Books()) == described(request, Books())


@pytest.mark.parametrize(
    "request_",
    [
        FormRequest(URL, formdata={"a": "1", "b": ["2", "3"]}),
        FormRequest(URL, method="GET", formdata={"a": "1"}),
        JsonRequest(URL, data={"b": 1, "a": [1]}, dumps_kwargs={"indent": 2}),
        JsonRequest(URL),
        XmlRpcRequest(URL, params=(1, "x"), methodname="m"),
        XmlRpcRequest(URL, params=(1,), methodname="m", dont_filter=False, method="PUT"),
    ],
)
def test_scrapys_own_request_classes(request_):
    assert described(again(request_), Books()) == described(request_, Books())


def test_a_header_that_the_user_took_out_stays_out():
    request = JsonRequest(URL, data=[])
    del request.headers["Accept"]
    assert "Accept" not in again(request).headers


def test_a_header_without_a_value_keeps_the_default_one_away():
    back = again(Request(URL, headers={"User-Agent": None}))
    back.headers.setdefault("User-Agent", "default")
    assert back.headers.getlist("User-Agent") == []


def test_a_request_class_of_the_project_keeps_what_it_added():
    request = TunedRequest(URL, formdata={"a": "1"}, level=3)
    request.seen_by = {"me"}
    back = again(request)
    assert (type(back), back.level, back.seen_by, back.body) == (TunedRequest, 3, {"me"}, b"a=1")


def test_a_request_class_that_is_gone_becomes_a_plain_request(caplog):
    payload = carry(TunedRequest(URL), Books()).replace(b"TunedRequest", b"GonesRequest")
    with caplog.at_level(logging.WARNING):
        assert type(restore(payload, Books()).request) is Request
    assert "GonesRequest cannot be imported" in caplog.text


@pytest.mark.parametrize(
    "name", ["parse", "parse_book", "parse_base", "parse_overridden", "alias", "parse_static", "parse_class", "chosen"]
)
def test_callbacks_and_errbacks_are_the_other_spiders_own(name):
    spider, other = Books(), Books()
    request = Request(URL, callback=getattr(spider, name), errback=spider.failed)
    back = restore(carry(request, spider), other).request
    assert back.callback == getattr(other, name)
    assert back.errback == other.failed


def test_a_private_method_is_found():
    spider = Books()
    back = restore(carry(spider.private_request(), spider), spider).request
    assert back.callback.__name__ == "__private"


def test_no_callback_is_kept():
    assert again(Request(URL, callback=NO_CALLBACK)).callback is NO_CALLBACK


def test_a_crawl_spiders_requests():
    spider, other = Crawler(), Crawler()
    link = scrapy.link.Link(URL, text="next")
    back = restore(carry(spider._build_request(0, link), spider), other).request
    assert back.callback == other._callback
    assert back.errback == other._errback
    assert back.meta == {"rule": 0, "link_text": "next"}


def test_scrapys_meta_keys_travel_and_the_transient_ones_do_not():
    meta = {
        "depth": 2,
        "download_timeout": 9.5,
        "proxy": "http://p.example:3128",
        "retry_times": 1,
        "redirect_urls": ["http://z.example/"],
        "cookiejar": ("user", 1),
        "handle_httpstatus_list": [404],
        "dont_merge_cookies": True,
    }
    transient = {"download_latency": 0.1, "download_slot": "a.example", "cached_response": Page(), "_dont_cache": True}
    assert again(Request(URL, meta={**meta, **transient})).meta == meta


def test_a_slot_of_ones_own_travels():
    assert again(Request(URL, meta={"download_slot": "slow"})).meta == {"download_slot": "slow"}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"meta": {"page": Page()}}, "<GET http://a.example/page?q=1> cannot be carried to another worker: meta["),
        ({"callback": lambda response: None}, "callback is a lambda: make it a method of the spider"),
        ({"errback": print}, "errback is a builtin_function_or_method: make it a method of the spider"),
        ({"callback": functools.partial(print, 1)}, "callback is a functools.partial: give the method, and the argum"),
        ({"callback": Page().__repr__}, "callback is a method-wrapper"),
        ({"callback": Crawler().parse_item}, "a method of a Crawler (tests): make it a method of the spider"),
        ({"cb_kwargs": {"x": object()}}, "cb_kwargs['x'] is a object"),
        ({"flags": [1]}, "flags[0] is a int: flags are text"),
        ({"body": b"x" * 600_000}, "at most 524,288 are carried"),
    ],
)
def test_what_cannot_be_carried_is_named_with_the_mend(fields, message):
    with pytest.raises(CannotCarry) as refused:
        carry(Request(URL, **fields), Books())
    assert message in str(refused.value)


def test_an_overridden_method_is_refused_because_its_name_means_another():
    spider = Books()
    with pytest.raises(CannotCarry, match=r"Base.parse_overridden, which Books overrides"):
        carry(spider.super_request(), spider)


def test_an_unknown_callback_says_which():
    spider = Books()
    payload = carry(Request(URL, callback=spider.parse_book), spider)
    with pytest.raises(UnknownCallback, match="is 'parse_book', and spider 'crawler' has no"):
        restore(payload, Crawler())


@pytest.mark.parametrize("payload", [b"\xc1", b"\xc1\x80", b"\xff\xfe", b"\xc1\x81\x00\x01", b"no url"])
def test_foreign_bytes_are_refused(payload):
    with pytest.raises(CannotRestore):
        restore(payload, Books())
