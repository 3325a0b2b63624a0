"""How are the values that `values.flatten` wrote built again on another worker?

Classes are found by their path and filled with their fields; no code of theirs runs.
"""

import datetime
import uuid
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from typing import Any, Final
from zoneinfo import ZoneInfo

from itemadapter import ItemAdapter
from scrapy import Item

from crawlfleet_worker.frontier.classes import load_class
from crawlfleet_worker.frontier.values import FACTORIES, TAG, Value


def rebuild(value: Value) -> Value:
    """Return what `flatten` was given. ClassGone where a class is not there any more; ValueError for foreign data."""
    kind = type(value)
    if kind is dict:
        if TAG in value:
            name, *parts = value[TAG]
            return _read(name, parts)
        return {key: rebuild(part) for key, part in value.items()}
    if kind in (list, tuple):
        return kind(rebuild(part) for part in value)
    return value


def _read(name: str, parts: list[Any]) -> Value:
    try:
        reader = _READERS[name]
    except (KeyError, TypeError):
        raise ValueError(f"a value of an unknown type {name!r}: was it written by a newer worker?") from None
    return reader(*parts)


def _as_pairs(pairs: list[Any]) -> list[tuple[Any, Any]]:
    return [(rebuild(key), rebuild(part)) for key, part in pairs]


def _read_datetime(text: str, zone: str | None, fold: int) -> datetime.datetime:
    value = datetime.datetime.fromisoformat(text).replace(fold=fold)
    return value.replace(tzinfo=ZoneInfo(zone)) if zone else value


def _read_default_dict(factory: str | None, pairs: list[Any]) -> "defaultdict[Any, Any]":
    return defaultdict(FACTORIES[factory] if factory else None, _as_pairs(pairs))


def _read_enum(path: str, by_name: bool, content: Value) -> Value:
    kind = load_class(path, lambda found: issubclass(found, Enum))
    return kind[content] if by_name else kind(rebuild(content))  # type: ignore[index]


def _read_named_tuple(path: str, parts: list[Any]) -> Value:
    kind = load_class(path, lambda found: issubclass(found, tuple) and hasattr(found, "_make"))
    return tuple.__new__(kind, [rebuild(part) for part in parts])


def _read_item(path: str, fields: list[Any]) -> Value:
    kind = load_class(path, ItemAdapter.is_item_class)
    values = {name: rebuild(part) for name, part in fields}
    if issubclass(kind, Item):
        item = kind()
        item._values.update(values)
        return item
    bare = object.__new__(kind)
    for name, part in values.items():
        object.__setattr__(bare, name, part)
    return bare


_READERS: Final[dict[str, Callable[..., Any]]] = {
    "dict": lambda pairs: dict(_as_pairs(pairs)),
    "set": lambda members: {rebuild(part) for part in members},
    "frozenset": lambda members: frozenset(rebuild(part) for part in members),
    "datetime": _read_datetime,
    "time": lambda text, fold: datetime.time.fromisoformat(text).replace(fold=fold),
    "timedelta": datetime.timedelta,
    "decimal": Decimal,
    "uuid": lambda data: uuid.UUID(bytes=data),
    "OrderedDict": lambda pairs: OrderedDict(_as_pairs(pairs)),
    "Counter": lambda pairs: Counter(dict(_as_pairs(pairs))),
    "defaultdict": _read_default_dict,
    "deque": lambda longest, parts: deque([rebuild(part) for part in parts], longest),
    "enum": _read_enum,
    "namedtuple": _read_named_tuple,
    "item": _read_item,
}
