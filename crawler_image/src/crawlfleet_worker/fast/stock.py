"""Is this still Scrapy's own class and code? Whoever subclassed or patched it is left alone."""

from types import FunctionType
from typing import Any, Final

from scrapy.http import HtmlResponse, TextResponse, XmlResponse

TEXT_PAGES: Final = frozenset({TextResponse, HtmlResponse, XmlResponse})
"""Scrapy's own classes of pages with a text that is HTML, XML or plain."""


class StepAside(Exception):  # noqa: N818 - says what is so
    """Scrapy's own code stays, for this reason."""


def require_class(thing: object, wanted: type) -> None:
    """StepAside where `thing` is not exactly of the class `wanted`."""
    if type(thing) is not wanted:
        raise StepAside(f"{type(thing).__qualname__} is not {wanted.__qualname__}")


def require_own(thing: object, *names: str) -> None:
    """StepAside where one of these methods is not the one that its class's module defines."""
    for name in names:
        if name in getattr(thing, "__dict__", {}):
            raise StepAside(f"{type(thing).__qualname__}.{name} was replaced")
        require_defined_in(getattr(type(thing), name), "scrapy")


def require_defined_in(function: Any, package: str) -> None:  # noqa: ANN401 - whatever stands in its place
    """StepAside where this is no plain function of that package."""
    module = getattr(function, "__module__", "") or ""
    if not isinstance(function, FunctionType) or module.partition(".")[0] != package:
        raise StepAside(f"{getattr(function, '__qualname__', function)} is not {package}'s own")


def require_same(owner: object, name: str, wanted: object) -> None:
    """StepAside where the owner has something else under that name."""
    if getattr(owner, name, None) is not wanted:
        raise StepAside(f"{name} was replaced")


def put(owner: object, name: str, function: object) -> None:
    """Let `function` (or a property) stand where the owner (an object, a class, a module) had Scrapy's own."""
    setattr(owner, name, function)
