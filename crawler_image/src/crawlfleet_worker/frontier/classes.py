"""By which path does another worker find the same class?"""

import importlib
from collections.abc import Callable
from functools import lru_cache, reduce


class ClassGone(Exception):  # noqa: N818 - says what is wrong
    """A class that a request names is not in this image, or is something else now."""


def path_of(kind: type[object]) -> str | None:
    """Return `module:name` of a class; None where that path does not lead back to it (a local or replaced class)."""
    path = f"{kind.__module__}:{kind.__qualname__}"
    try:
        return path if _find(path) is kind else None
    except ClassGone:
        return None


def load_class(path: str, expected: Callable[[type], bool]) -> type:
    """Return the class at `path` (`module:name`). ClassGone where there is none, or none that is `expected`."""
    found = _find(path)
    if not isinstance(found, type) or not expected(found):
        raise ClassGone(f"{path} is not a class of the kind that was carried: use the image that wrote it")
    return found


@lru_cache(maxsize=1024)
def _find(path: str) -> object:
    module, _, name = path.partition(":")
    try:
        return reduce(getattr, name.split("."), importlib.import_module(module))
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise ClassGone(f"{path} cannot be imported ({error}): is it missing in this image?") from None
