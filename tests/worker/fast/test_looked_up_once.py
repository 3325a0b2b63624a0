"""What is remembered of headers, pages and living objects: is it what Scrapy would say each time?"""

import gc
import random
from weakref import WeakKeyDictionary

import pytest
from aiohttp import hdrs
from scrapy import Request
from scrapy.http import Headers, HtmlResponse
from scrapy.utils import trackref
from scrapy.utils.trackref import object_ref

from crawlfleet_worker.fast import header_names, live_refs
from crawlfleet_worker.fast.stock import StepAside
from tests.worker.fast.replaced import in_place

NAMES = [
    "content-type",
    "Content-Type",
    b"content-type",
    "X-Ä",
    b"x-\xe4",
    "ETAG",
    b"eTag",
    "x" * 80,
    "",
    "a_b-c.d",
    "aéb",
    hdrs.CONTENT_TYPE,
    type(hdrs.ETAG)("x-Ä"),
]
VALUES = ["text", b"bytes", ["a", b"b"], ("a", 1), 7, None, [], "ü"]
STOCK = {name: vars(Headers).get(name, getattr(Headers, name)) for name in header_names.NAMES}
DEFAULTS = [None, b"bytes", "text", ["a", "b"], []]


@pytest.fixture
def quick_headers(monkeypatch):
    for name, function in STOCK.items():
        monkeypatch.setattr(Headers, name, function)
    header_names.install(None)


class Strict(Headers):
    """A class of the user's."""

    def normkey(self, key):
        return b"x-" + super().normkey(key)


def filled(seed, kind):
    choice, headers = random.Random(seed), kind(encoding=random.Random(seed).choice(["utf-8", "latin-1"]))
    for _ in range(12):
        name, value = choice.choice(NAMES), choice.choice(VALUES)
        choice.choice([headers.__setitem__, headers.appendlist, headers.setdefault])(name, value)
    found = [(name in headers, *(headers.get(name, default) for default in DEFAULTS)) for name in NAMES]
    kept = [headers.copy().setdefault(name, default) for name in NAMES for default in DEFAULTS]
    other = kind({choice.choice(NAMES): choice.choice(VALUES) for _ in range(3)}, encoding=headers.encoding)
    headers.update(choice.choice([other, dict(other.items()), list(other.items()), Headers(other, encoding="cp1252")]))
    copied = headers.copy()
    copied["only-here"] = "1"
    return [*headers.items()], [*copied.items()], headers.to_string(), found, kept


@pytest.mark.parametrize("kind", [Headers, Strict])
@pytest.mark.parametrize("seed", range(60))
def test_headers_hold_the_same(kind, seed, monkeypatch):
    for name, function in STOCK.items():
        monkeypatch.setattr(Headers, name, function)
    expected = filled(seed, kind)
    header_names.install(None)
    assert Headers.normkey is header_names.normkey
    assert filled(seed, kind) == expected


@pytest.mark.parametrize("key", [7, None, ["a"]])
def test_a_name_that_is_no_text_is_refused_as_before(quick_headers, key):
    with pytest.raises((AttributeError, TypeError)):
        Headers()[key] = "x"


def test_a_name_in_an_answer_of_aiohttps_is_remembered(quick_headers, monkeypatch):
    name = type(hdrs.ETAG)("x-in-an-answer")
    assert [*Headers([(name, "1")]).items()] == [(b"X-In-An-Answer", [b"1"])]
    monkeypatch.setattr(header_names, "_normkey", None)
    assert [*Headers([(name, "2")]).items()] == [(b"X-In-An-Answer", [b"2"])]


def test_a_copy_of_headers_has_lists_of_its_own(quick_headers):
    headers = Headers({"a": ["1"]})
    copied = Headers(headers)
    copied.appendlist("a", ["2"])
    assert (headers.getlist("a"), copied.getlist("a")) == ([b"1"], [b"1", b"2"])


def test_headers_of_somebody_else_stay(monkeypatch):
    monkeypatch.setattr(Headers, "items", lambda self: [])
    with pytest.raises(StepAside):
        header_names.install(None)


@pytest.fixture
def quick_pages():
    with in_place("PAGES"):
        yield


def some_pages():
    bodies = [
        b"",
        b"<base href='/deep/'>",
        b"<BASE HREF=http://b.example/c/d>",
        b"." * 4090 + b"<base href=/no/>",
        "<meta charset='latin-1'>ä".encode("latin-1"),
        "\ufeffä".encode("utf-16"),
    ]
    for number, body in enumerate(bodies):
        yield HtmlResponse(f"http://A.example/{number}/a b#c", body=body)
        yield HtmlResponse(f"http://a.example/{number}/", body=body)
        yield HtmlResponse(f"http://a.example/{number}/", body=body, encoding="cp1252")


def test_pages_say_the_same_in_any_order():
    expected = [(page.encoding, page.urljoin("x"), page.selector.root.base) for page in some_pages()]
    with in_place("PAGES"):
        found = list(some_pages())
        for order in (range(len(found)), [3, 3, 1, 0, 7, 3]):
            for place in order:
                page = found[place]
                assert (page.encoding, page.urljoin("x"), page.selector.root.base) == expected[place]


def test_a_page_is_not_kept_alive_and_its_answer_is_not_anothers(quick_pages):
    for page in some_pages():
        encoding = page.encoding
    remembered = trackref.live_refs[HtmlResponse]
    del page
    gc.collect()
    assert encoding == "cp1252"
    assert len(remembered) == 0


@pytest.fixture
def quick_births(monkeypatch):
    monkeypatch.setattr(object_ref, "__new__", vars(object_ref)["__new__"])
    monkeypatch.setattr(trackref, "live_refs", WeakKeyDictionary())
    live_refs.install(None)


def test_only_the_living_are_counted(quick_births):
    kept = [Request(f"http://a.example/{number}") for number in range(5)]
    for number in range(3 * live_refs.FEW):
        Request(f"http://b.example/{number}")
    births = trackref.live_refs[Request]
    assert len(births.latest) <= live_refs.FEW + 5
    assert len(births) == len(births.data) == 5
    assert set(births) == set(trackref.iter_all("Request")) == set(kept)
    assert trackref.get_oldest("Request") is kept[0]
    assert "Request" in trackref.format_live_refs()
    kept.clear()
    assert len(births) == 0


def test_what_was_born_before_is_taken_over(monkeypatch):
    monkeypatch.setattr(trackref, "live_refs", WeakKeyDictionary())
    monkeypatch.setattr(object_ref, "__new__", vars(object_ref)["__new__"])
    before = Request("http://a.example/")
    live_refs.install(None)
    after = Request("http://a.example/")
    assert set(trackref.iter_all("Request")) == {before, after}
