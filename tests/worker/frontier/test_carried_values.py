"""What a user puts into meta comes out as it was, or is refused by name."""

import datetime
import decimal
import math
import uuid
from collections import Counter, OrderedDict, defaultdict, deque
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawlfleet_frontier import envelope
from crawlfleet_frontier.envelope import FrontierRequest
from crawlfleet_worker.frontier.classes import ClassGone
from crawlfleet_worker.frontier.rebuilding import rebuild
from crawlfleet_worker.frontier.values import TAG, NotCarried, flatten
from tests.worker.frontier.things import Author, Book, Colour, Page, Point, Rank, Right, Shop


def there_and_back(value):
    request = FrontierRequest("http://a.example/", meta={"value": flatten(value, "meta['value']")})
    return rebuild(envelope.decode(envelope.encode(request)).meta["value"])


def the_same(one, other) -> bool:  # noqa: PLR0911 - a case per kind
    """Equal, and of the same types all the way down (1 == True == 1.0 are three values)."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return len(one) == len(other) and all(
            the_same(key, other_key) and the_same(value, other[key])
            for (key, value), other_key in zip(one.items(), other, strict=True)
        )
    if isinstance(one, (list, tuple, deque)):
        return len(one) == len(other) and all(map(the_same, one, other))
    if isinstance(one, Shop):
        return the_same((one.name, one.tags), (other.name, other.tags))
    if isinstance(one, float):
        return repr(one) == repr(other)
    if isinstance(one, decimal.Decimal):
        return str(one) == str(other)
    return one == other


def is_nan(value) -> bool:
    return value.is_nan() if isinstance(value, decimal.Decimal) else isinstance(value, float) and math.isnan(value)


texts = st.text(max_size=9)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**200), 2**200),
    st.floats(),
    texts,
    st.binary(max_size=9),
    st.dates(),
    st.datetimes(),
    st.datetimes(timezones=st.just(datetime.UTC)),
    st.datetimes(timezones=st.sampled_from([ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kolkata")])),
    st.times(),
    st.timedeltas(),
    st.decimals(),
    st.uuids(),
    st.sampled_from([*Colour, *Rank, *Right, Right.READ | Right.WRITE, TAG]),
)
hashables = st.one_of(
    scalars.filter(lambda value: not is_nan(value)), st.tuples(texts, st.integers()), st.frozensets(texts, max_size=2)
)
values = st.recursive(
    scalars,
    lambda part: st.one_of(
        st.lists(part, max_size=3),
        st.lists(part, max_size=3).map(tuple),
        st.dictionaries(hashables, part, max_size=3),
        st.dictionaries(st.just(TAG), part),
        st.sets(hashables, max_size=3),
        st.frozensets(hashables, max_size=3),
        st.dictionaries(texts, part, max_size=2).map(OrderedDict),
        st.dictionaries(texts, part, max_size=2).map(lambda found: defaultdict(list, found)),
        st.lists(part, max_size=3).map(lambda found: deque(found, 9)),
        st.builds(Point, part, part),
        st.builds(Shop, texts, part),
    ),
    max_leaves=6,
)


@given(values)
@settings(max_examples=200, deadline=None)
def test_values_come_out_as_they_went_in(value):
    assert the_same(there_and_back(value), value)


@pytest.mark.parametrize(
    "value",
    [
        Book(title="Dune", price=decimal.Decimal("9.90")),
        Shop("corner", {"a": (1,)}),
        Author("Ursula", datetime.date(1929, 10, 21)),
        Counter("hello"),
        defaultdict(None, {1: 2}),
        uuid.UUID(int=7),
        {Colour.RED: 1, (Rank.LOW, 2): {3}},
        {Point(1, 2), Point(3, 4)},
        {frozenset({1}), frozenset()},
        datetime.time(1, 2, tzinfo=datetime.UTC),
        datetime.datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=1),
        datetime.datetime(2026, 10, 25, 2, 30, fold=1),
    ],
)
def test_each_kind_keeps_its_type(value):
    back = there_and_back(value)
    assert the_same(back, value)
    assert getattr(back, "fold", 0) == getattr(value, "fold", 0)


def test_a_class_is_rebuilt_without_running_its_code():
    assert there_and_back(Author("Ursula")).calls == ["built"]


def local_class():
    class Local(Point):
        pass

    return Local(1, 2)


def own_container():
    value: list[object] = []
    value.append(value)
    return value


class Words(str):
    __slots__ = ()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (Page(), "meta['value'] is a Page (tests): carry plain data"),
        ({"deep": [0, Page()]}, "meta['value']['deep'][1] is a Page (tests)"),
        (Book(title=Page()), "meta['value'].title is a Page (tests)"),
        (lambda: 1, "meta['value'] is a lambda"),
        (iter([]), "meta['value'] is a list_iterator"),
        (Words("a"), "carry a plain str: str(…)"),
        (bytearray(b"x"), "meta['value'] is a bytearray"),
        (local_class(), "define the class at the top of a module"),
        (own_container(), "a container that holds itself"),
        (defaultdict(lambda: 1), "meta['value'].default_factory is a lambda"),
        (ValueError("x"), "meta['value'] is a ValueError"),
    ],
)
def test_what_does_not_travel_is_named_with_the_mend(value, message):
    with pytest.raises(NotCarried) as refused:
        flatten(value, "meta['value']")
    assert message in str(refused.value)


def test_a_deep_value_is_refused_and_not_a_crash():
    value: list[object] = []
    for _ in range(3000):
        value = [value]
    with pytest.raises(NotCarried, match="nested more than"):
        flatten(value, "meta['value']")


@pytest.mark.parametrize(
    "flat",
    [
        {TAG: ["item", "os:system", [["a", 1]]]},
        {TAG: ["enum", "subprocess:Popen", True, "x"]},
        {TAG: ["namedtuple", "builtins:tuple", []]},
        {TAG: ["item", "no.such.module:Thing", []]},
    ],
)
def test_only_data_classes_are_built_from_what_redis_holds(flat):
    with pytest.raises(ClassGone):
        rebuild(flat)
