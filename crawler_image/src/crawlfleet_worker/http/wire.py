"""Who has to know when a request reaches the wire, and when its answer begins?"""

from collections.abc import Callable
from typing import Protocol


class Wire(Protocol):
    """Follows one request."""

    def writing(self, *, used_before: bool) -> None:
        """Be told right before the first byte is written, in the same turn of the loop; the connection stands.

        `used_before`: it has carried another request. What this raises is raised in place of writing: nothing is
        sent, and the connection serves somebody else.
        """
        ...

    def heard(self) -> None:
        """Be told that the first byte of the answer has come."""
        ...


class Watched:
    """A download handler that lets somebody follow its requests."""

    wire: Callable[[], Wire | None] = staticmethod(lambda: None)
    """Who follows the request of the task that asks; None: nobody."""
