"""Which objects are alive? Asked rarely, noted for every request, response, selector and item.

Replaces: `object_ref.__new__`, and the tables of `scrapy.utils.trackref.live_refs`, in which each object costs a
reference with a callback. Here the references have none; what has died is thrown out before anybody counts, and now
and then.
Steps aside: where the method is not Scrapy's any more.
Holds for: Scrapy 2.19 (process-wide).
"""

from time import monotonic_ns
from typing import Any, Final
from weakref import WeakKeyDictionary, ref

from scrapy.crawler import Crawler
from scrapy.utils import trackref
from scrapy.utils.trackref import object_ref

from crawlfleet_worker.fast.stock import put, require_defined_in

FEW: Final = 1_000
"""The dead are thrown out where as many have come as lived the last time, and this many more."""


class Births(WeakKeyDictionary[Any, float]):
    """When each living object of a class was made."""

    def __init__(self, given: Any = None) -> None:  # noqa: ANN401 - what the base class takes
        self.latest: list[tuple[ref[Any], float]] = []
        """Not in the table yet: in a table, those that died would stand where new ones at their address belong."""
        self.bound = FEW
        self._table: dict[ref[Any], float] = {}
        super().__init__(given)

    @property
    def data(self) -> dict[ref[Any], float]:
        """The base class' own table."""
        if self.latest:
            self.throw_out_the_dead()
        return self._table

    @data.setter
    def data(self, table: dict[ref[Any], float]) -> None:
        self._table = table

    def __setitem__(self, key: object, value: float) -> None:
        self.latest.append((ref(key), value))
        if len(self.latest) > self.bound:
            self.throw_out_the_dead()

    def __len__(self) -> int:
        self.throw_out_the_dead()
        return len(self._table)

    def throw_out_the_dead(self) -> None:
        """Keep the living only."""
        latest, self.latest = self.latest, []
        living = {one: born for one, born in self._table.items() if one() is not None}
        living.update((one, born) for one, born in latest if one() is not None)
        self._table = living
        self.bound = len(living) + FEW


_trackref: Final[Any] = trackref


def install(_crawler: Crawler) -> None:
    """Let births be noted the short way. StepAside where somebody else has replaced the method."""
    if object_ref.__new__ is not noted:
        require_defined_in(object_ref.__new__, "scrapy")
        put(object_ref, "__new__", staticmethod(noted))


def noted(cls: type, *given: object, **named: object) -> Any:  # noqa: ANN401 - an object of the class
    """Make an object and note its birth."""
    made: Any = object.__new__(cls)
    births = _trackref.live_refs.data.get(ref(cls))
    if type(births) is not Births:
        births = _trackref.live_refs[cls] = Births(births)
    births.latest.append((ref(made), monotonic_ns()))
    if len(births.latest) > births.bound:
        births.throw_out_the_dead()
    return made
