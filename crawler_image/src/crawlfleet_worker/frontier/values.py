"""Which values of `meta` and `cb_kwargs` travel between workers, and as what?

What the envelope has no type for becomes a dict with the one key TAG and a list that begins with the type's name.
Classes travel as `module:name` and are rebuilt from their fields, without calling any code of theirs. Never pickle.
"""

import datetime
import uuid
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any, Final, NoReturn
from zoneinfo import ZoneInfo

from itemadapter import ItemAdapter
from lxml import etree

from crawlfleet_worker.frontier.classes import path_of

TAG: Final = "\0"
"""The key of a dict that stands for something else; a user's dict that has it is carried as pairs."""

DEEPEST: Final = 60
"""Containers within containers at most."""

Value = Any
"""Whatever a user puts into `meta`, or the envelope into its place."""

_PLAIN: Final = frozenset({type(None), bool, int, float, str, bytes, datetime.date})
_LXML_TEXT: Final = type(etree.XPath("string()")(etree.Element("a")))
"""lxml's text that knows its element, as link extractors put it into `meta['link_text']`; only the text is meant."""

FACTORIES: Final = {kind.__name__: kind for kind in (list, dict, set, int, float, str, tuple)}
_DATA: Final = "carry plain data (text, numbers, lists, dicts, items), or a name under which every worker finds it"


class NotCarried(Exception):  # noqa: N818 - says what is wrong
    """A value does not travel; says where it is, what it is, and the mend."""

    def __init__(self, place: str, what: str, mend: str = _DATA) -> None:
        super().__init__(f"{place} is {what}: {mend}")
        self.place, self.what, self.mend = place, what, mend


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a value stands, and in which containers."""

    name: str
    containers: tuple[int, ...] = ()

    def part(self, name: str, container: object) -> "_Place":
        return _Place(self.name + name, (*self.containers, id(container)))

    def enter(self, value: object) -> None:
        if id(value) in self.containers:
            raise NotCarried(self.name, "a container that holds itself")
        if len(self.containers) > DEEPEST:
            raise NotCarried(f"{self.name[:80]}…", f"nested more than {DEEPEST} deep")


def flatten(value: Value, place: str) -> Value:
    """Return what the envelope can carry in the place of `value`. NotCarried names the place (`meta['page']`)."""
    if type(value) is dict and all(type(key) is str and type(part) in _PLAIN for key, part in value.items()):
        return {**value} if TAG not in value else {TAG: ["dict", [list(pair) for pair in value.items()]]}
    return _flatten(value, _Place(place))


def kind_of(value: object) -> str:
    """Return what a value is, for a message: `a Page (playwright)`."""
    kind = type(value)
    package = kind.__module__.partition(".")[0]
    if getattr(value, "__name__", "") == "<lambda>":
        return "a lambda"
    return f"a {kind.__qualname__}" + ("" if package == "builtins" else f" ({package})")


def _flatten(value: Value, place: _Place) -> Value:
    kind = type(value)
    if kind in _PLAIN:
        return value
    place.enter(value)
    writer = _WRITERS.get(kind) or next((write for fits, write in _FAMILIES if fits(value)), _refuse)
    return writer(value, place)


def _refuse(value: Value, place: _Place) -> NoReturn:
    base = next((base for base in (str, bytes, int, float, list, tuple, set, dict) if isinstance(value, base)), None)
    if base is None:
        raise NotCarried(place.name, kind_of(value))
    raise NotCarried(place.name, kind_of(value), f"carry a plain {base.__name__}: {base.__name__}(…)")


def _parts(values: Iterable[Any], place: _Place, container: object) -> list[Any]:
    return [_flatten(part, place.part(f"[{number}]", container)) for number, part in enumerate(values)]


def _members(value: Value, place: _Place) -> list[Any]:
    """Members of a set: they have no number."""
    return [_flatten(part, place.part("{…}", value)) for part in value]


def _pairs(value: Value, place: _Place) -> list[Any]:
    return [
        [_flatten(key, place.part(".keys()", value)), _flatten(part, place.part(f"[{key!r:.60}]", value))]
        for key, part in value.items()
    ]


def _hashable(flat: Value) -> bool:
    return type(flat) in _PLAIN or (type(flat) is tuple and all(map(_hashable, flat)))


def _dict(value: dict[Any, Any], place: _Place) -> Value:
    pairs = _pairs(value, place)
    if TAG not in value and all(_hashable(key) for key, _ in pairs):
        return dict(pairs)
    return {TAG: ["dict", pairs]}


def _set(value: Value, place: _Place) -> Value:
    members = _members(value, place)
    kind = type(value)
    return kind(members) if all(map(_hashable, members)) else {TAG: [kind.__name__, members]}


def _datetime(value: datetime.datetime, place: _Place) -> Value:
    zone = value.tzinfo
    if (zone is None or type(zone) is datetime.timezone) and not value.fold:
        return value
    if isinstance(zone, ZoneInfo) and zone.key:
        return {TAG: ["datetime", value.replace(tzinfo=None).isoformat(), zone.key, value.fold]}
    _check_zone(zone, place)
    return {TAG: ["datetime", value.isoformat(), None, value.fold]}


def _time(value: datetime.time, place: _Place) -> Value:
    _check_zone(value.tzinfo, place)
    return {TAG: ["time", value.isoformat(), value.fold]}


def _check_zone(zone: datetime.tzinfo | None, place: _Place) -> None:
    if zone is not None and type(zone) is not datetime.timezone:
        mend = "use zoneinfo.ZoneInfo, or .astimezone(datetime.timezone.utc)"
        raise NotCarried(f"{place.name}.tzinfo", kind_of(zone), mend)


def _default_dict(value: "defaultdict[Any, Any]", place: _Place) -> Value:
    factory = value.default_factory
    if factory is not None and factory not in FACTORIES.values():
        raise NotCarried(
            f"{place.name}.default_factory", kind_of(factory), "use a built-in type, or carry a plain dict"
        )
    name = factory.__name__ if isinstance(factory, type) else None
    return {TAG: ["defaultdict", name, _pairs(value, place)]}


def _enum(value: Enum, place: _Place) -> Value:
    names = type(value).__members__
    by_name = value.name in names
    content = value.name if by_name else _flatten(value.value, place.part(".value", value))
    return {TAG: ["enum", _path(value, place), by_name, content]}


def _named_tuple(value: Value, place: _Place) -> Value:
    return {TAG: ["namedtuple", _path(value, place), _parts(value, place, value)]}


def _item(value: Value, place: _Place) -> Value:
    fields = [[name, _flatten(part, place.part(f".{name}", value))] for name, part in ItemAdapter(value).items()]
    return {TAG: ["item", _path(value, place), fields]}


def _path(value: object, place: _Place) -> str:
    path = path_of(type(value))
    if path is None:
        mend = "define the class at the top of a module, under its own name"
        raise NotCarried(place.name, f"{kind_of(value)}, whose class no other worker can import", mend)
    return path


def _is_named_tuple(value: object) -> bool:
    return isinstance(value, tuple) and hasattr(value, "_fields") and hasattr(value, "_make")


def _is_item(value: object) -> bool:
    """Scrapy items, dataclasses, attrs classes; a pydantic model says nothing of how to rebuild it without its code."""
    return ItemAdapter.is_item(value) and not isinstance(value, dict) and not hasattr(value, "model_construct")


_WRITERS: Final[dict[type, Callable[[Any, _Place], Any]]] = {
    _LXML_TEXT: lambda value, _: str(value),
    list: lambda value, place: _parts(value, place, value),
    tuple: lambda value, place: tuple(_parts(value, place, value)),
    set: _set,
    frozenset: _set,
    dict: _dict,
    datetime.datetime: _datetime,
    datetime.time: _time,
    datetime.timedelta: lambda value, _: {TAG: ["timedelta", value.days, value.seconds, value.microseconds]},
    Decimal: lambda value, _: {TAG: ["decimal", str(value)]},
    uuid.UUID: lambda value, _: {TAG: ["uuid", value.bytes]},
    OrderedDict: lambda value, place: {TAG: ["OrderedDict", _pairs(value, place)]},
    Counter: lambda value, place: {TAG: ["Counter", _pairs(value, place)]},
    defaultdict: _default_dict,
    deque: lambda value, place: {TAG: ["deque", value.maxlen, _parts(value, place, value)]},
}

_FAMILIES: Final[tuple[tuple[Callable[[object], bool], Callable[[Any, _Place], Any]], ...]] = (
    (lambda value: isinstance(value, Enum), _enum),
    (_is_named_tuple, _named_tuple),
    (_is_item, _item),
)
