"""Under which name does another worker's spider find the same callback?

A method of the spider (or of its bases) goes by its name. Everything else is refused, with the mend.
"""

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any, Final

from scrapy import Spider
from scrapy.http.request import NO_CALLBACK

from crawlfleet_worker.frontier.values import NotCarried, kind_of

NO_CALLBACK_NAME: Final = "-"
"""Stands for scrapy.http.request.NO_CALLBACK: no method can be called like this."""

Callback = Callable[..., Any]


class UnknownCallback(Exception):  # noqa: N818 - says what is wrong
    """The spider has no such method (any more): the request belongs to another image and waits for it."""

    def __init__(self, url: str, place: str, name: str, spider: Spider) -> None:
        super().__init__(
            f"the {place} of <{url[:200]}> is {name!r}, and spider {spider.name!r} has no such method: "
            "use an image that has it, or add the method again"
        )
        self.url, self.place, self.name = url, place, name


def name_of(callback: Callback | None, spider: Spider, place: str) -> str:
    """Return the name by which `method_of` finds `callback` again; "" for None. NotCarried tells the mend."""
    if callback is None:
        return ""
    if callback is NO_CALLBACK:
        return NO_CALLBACK_NAME
    for name in _candidates(callback, spider):
        if _same(getattr(spider, name, None), callback):
            return name
    raise _refusal(callback, spider, place)


def method_of(name: str, spider: Spider, url: str, place: str) -> Callback | None:
    """Return the spider's method of that name; None for "". UnknownCallback where it has none."""
    if not name:
        return None
    if name == NO_CALLBACK_NAME:
        return NO_CALLBACK
    method = getattr(spider, name, None)
    if not callable(method):
        raise UnknownCallback(url, place, name, spider)
    return method  # type: ignore[no-any-return]


def _candidates(callback: Callback, spider: Spider) -> Iterator[str]:
    """Names to look under, the likeliest first; the long way is for aliases, private names and attributes."""
    yield getattr(callback, "__name__", "")
    function = getattr(callback, "__func__", callback)
    for name, value in vars(spider).items():
        if value is callback or getattr(value, "__func__", None) is function:
            yield name
    for kind in type(spider).__mro__:
        yield from (name for name, value in vars(kind).items() if getattr(value, "__func__", value) is function)


def _same(found: object, callback: Callback) -> bool:
    if inspect.ismethod(found) and inspect.ismethod(callback):
        return found.__func__ is callback.__func__ and found.__self__ is callback.__self__
    return found is callback


def _refusal(callback: Callback, spider: Spider, place: str) -> NotCarried:
    if isinstance(callback, functools.partial):
        return NotCarried(place, "a functools.partial", "give the method, and the arguments by cb_kwargs")
    if not inspect.ismethod(callback):
        return NotCarried(place, kind_of(callback), "make it a method of the spider")
    owner, name = callback.__self__, callback.__func__.__qualname__
    if owner is spider:
        mend = "give the method a name of its own, or call super() inside it"
        return NotCarried(place, f"{name}, which {type(spider).__name__} overrides", mend)
    return NotCarried(place, f"{name}, a method of {kind_of(owner)}", "make it a method of the spider that calls it")
