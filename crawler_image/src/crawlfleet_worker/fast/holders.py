"""Does anybody still have a page or its selector, when the page has been through the engine?

The two hold each other, so that the tree of every page would wait for the garbage collector: by then a hundred of them
lie in memory. Where nobody else has either, taking them apart cannot be seen, and frees the tree at once.
"""

from sys import getrefcount
from types import SimpleNamespace
from typing import Final


def holders(page: object) -> tuple[int, int]:
    """Return how many references there are to a page's selector and to the page; nothing where it has no selector."""
    selector = getattr(page, "_cached_selector", None)
    return NO_SELECTOR if selector is None else (getrefcount(selector), getrefcount(page))


def _of_nobody_else() -> tuple[int, int]:
    """Return what `holders` says of a page that its caller alone has, and whose selector it alone has."""
    page = SimpleNamespace()
    page._cached_selector = SimpleNamespace(response=page)
    found = holders(page)
    page._cached_selector = None
    return found


NO_SELECTOR: Final = (0, 0)
NOBODY_ELSE: Final = _of_nobody_else()
