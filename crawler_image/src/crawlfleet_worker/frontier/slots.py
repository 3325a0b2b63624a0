"""Which slot did this request's lease come with?

Kept outside the request, because a spider copies `meta` from one request to the next.
"""

from typing import Generic, Protocol, TypeVar

from scrapy import Request


class _Unusable(Protocol):
    def unused(self) -> None: ...


SlotT = TypeVar("SlotT", bound=_Unusable)


class Slots(Generic[SlotT]):
    """Slots that wait for their request to reach the wire. Whoever takes one ends it; who gives one lets it leave."""

    def __init__(self) -> None:
        self._waiting: dict[Request, SlotT] = {}

    def give(self, request: Request, slot: SlotT) -> None:
        """Note the slot that this very request object may use, once."""
        self.leave(request)
        self._waiting[request] = slot

    def take(self, request: Request) -> SlotT | None:
        """Return the request's slot, which is the caller's from now on; None where it has none (any more)."""
        return self._waiting.pop(request, None)

    def move(self, request: Request, other: Request) -> None:
        """Let another request use the slot of this one (the robots.txt that it needs)."""
        slot = self.take(request)
        if slot is not None:
            self.give(other, slot)

    def leave(self, request: Request) -> None:
        """Give the slot back, if the request ended without having used it (answered by a cache, dropped)."""
        slot = self.take(request)
        if slot is not None:
            slot.unused()
