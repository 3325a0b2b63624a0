"""Does a request come out of its bytes as it went in, and is what cannot travel named at once?"""

import dataclasses
import pickle
from enum import IntEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlfleet_frontier import envelope
from crawlfleet_frontier.envelope import FrontierRequest
from crawlfleet_frontier.errors import BadInput

URL = "https://a.example/pfad?ü=1"

simple = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.binary(),
    st.dates(),
    st.datetimes(),
)
hashable = st.recursive(
    simple, lambda inner: st.one_of(st.tuples(inner, inner), st.frozensets(inner, max_size=3)), max_leaves=5
)
values = st.recursive(
    hashable,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.tuples(inner),
        st.dictionaries(hashable, inner, max_size=4),
        st.sets(hashable, max_size=3),
    ),
    max_leaves=12,
)
mappings = st.dictionaries(st.text(), values, max_size=4)
pairs = st.lists(st.tuples(st.binary(), st.binary()), max_size=4).map(tuple)
requests = st.builds(
    FrontierRequest,
    url=st.text(st.characters(codec="utf-8"), min_size=1),
    method=st.sampled_from(["GET", "POST", "HEAD"]),
    headers=pairs,
    body=st.binary(),
    callback=st.text(),
    errback=st.text(),
    priority=st.integers(),
    dont_filter=st.booleans(),
    meta=mappings,
    cb_kwargs=mappings,
    cookies=st.one_of(st.none(), mappings, st.lists(mappings, max_size=2)),
    encoding=st.sampled_from(["utf-8", "latin-1"]),
    flags=st.lists(st.text(), max_size=3).map(tuple),
    kind=st.sampled_from(["", "JsonRequest"]),
    extra=mappings,
    id=st.integers(-(2**63), 2**63 - 1).map(str),
)


def kinds(value) -> str:
    """The value with every type spelled out: True and 1, (1,) and [1] are different here."""
    if isinstance(value, dict):
        parts = sorted(f"{kinds(key)}: {kinds(part)}" for key, part in value.items())
    elif isinstance(value, (set, frozenset)):
        parts = sorted(map(kinds, value))
    elif isinstance(value, (list, tuple)):
        parts = list(map(kinds, value))
    else:
        parts = [repr(value)]
    return f"{type(value).__name__}({', '.join(parts)})"


@given(requests)
def test_every_request_comes_out_as_it_went_in(request):
    read = envelope.decode(envelope.encode(request))
    assert read == request
    for one in dataclasses.fields(FrontierRequest):
        assert type(getattr(read, one.name)) is type(getattr(request, one.name))


@given(values)
def test_values_keep_their_types(value):
    read = envelope.decode(envelope.encode(FrontierRequest(URL, meta={"value": value, "more": 1}))).meta["value"]
    assert kinds(read) == kinds(value)


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_a_bare_get_is_its_url(url):
    assert envelope.encode(FrontierRequest(url)) == url.encode()


def test_defaults_are_left_out():
    assert len(envelope.encode(FrontierRequest(URL, callback="parse"))) == len(URL.encode()) + 11


@given(st.binary(max_size=200))
def test_foreign_bytes_are_a_request_or_a_clear_error(payload):
    try:
        read = envelope.decode(payload)
    except BadInput:
        return
    assert isinstance(read, FrontierRequest)


class Kind(IntEnum):
    ONE = 1


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        ({"parser": lambda response: None}, r"meta\['parser'\] is a function"),
        ({"deep": [1, {"x": object()}]}, r"meta\['deep'\]\[1\]\['x'\] is a object"),
        ({"kind": Kind.ONE}, r"meta\['kind'\] is a Kind"),
        ({"stream": iter([1])}, r"meta\['stream'\] is a list_iterator"),
        ({object: 1}, r"a key of meta is a type"),
        ({"set": {Kind.ONE}}, r"meta\['set'\]\[<Kind.ONE: 1>\] is a Kind"),
    ],
)
def test_what_cannot_travel_is_named(bad, named):
    with pytest.raises(BadInput, match=named) as caught:
        envelope.encode(FrontierRequest(URL, meta=bad))
    assert URL in str(caught.value)


def test_a_value_that_holds_itself_is_refused():
    ring: list[object] = []
    ring.append(ring)
    with pytest.raises(BadInput, match="nested too deeply"):
        envelope.encode(FrontierRequest(URL, meta={"ring": ring}))


def test_other_fields_are_named_too():
    with pytest.raises(BadInput, match=r"cb_kwargs\['item'\] is a object"):
        envelope.encode(FrontierRequest(URL, cb_kwargs={"item": object()}))


def test_a_request_that_is_too_large_is_refused():
    with pytest.raises(BadInput, match=r"takes 600,\d{3} bytes, at most 524,288"):
        envelope.encode(FrontierRequest(URL, body=b"x" * 600_000))


@pytest.mark.parametrize("url", ["", "http://a.example/\ud800"])
def test_a_url_that_is_no_text_is_refused(url):
    with pytest.raises(BadInput, match="URL"):
        envelope.encode(FrontierRequest(url))


def test_a_pickle_is_never_read():
    class Harm:
        def __reduce__(self):
            return (pytest.fail, ("code ran",))

    for marker in (b"", envelope.MARKER):
        with pytest.raises(BadInput):
            envelope.decode(marker + pickle.dumps(Harm()))
