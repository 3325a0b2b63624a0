"""Whose child is a request, and which one of its children?

Known by the request object itself, outside its meta, because spiders copy meta from one request to the next. The
parent is a request that is in the engine; the ordinal counts what it yields, so that a callback that runs twice yields
the same identities twice.
"""

from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from types import GeneratorType
from typing import Any
from weakref import WeakKeyDictionary

from scrapy import Request

from crawlfleet_frontier.client import Lease
from crawlfleet_worker.frontier.outcomes import Facts, Verdict


@dataclass(slots=True, eq=False)
class Holding:
    """A lease, and all requests that have to end before it may be settled: its own, and the pinned ones below it."""

    lease: Lease | None
    """None for seeds that cannot be carried: what they hold up is the end of the seeding."""
    since: float = 0.0
    """When it was taken (`clock.now`)."""
    unfinished: int = 0
    verdict: Verdict | None = None
    """How the lease's own request ended."""
    again: Any = None
    """The request to fetch instead, where the verdict is a retry: a FrontierRequest."""

    @property
    def lost(self) -> bool:
        """Whether the lease was taken from this worker, or has ended otherwise."""
        return self.lease is not None and self.lease.ended


@dataclass(slots=True, eq=False)
class Work:
    """One request in the engine, or waiting for it here."""

    holding: Holding
    id: str
    """What its children that go round the duplicate filter are known by; empty where it was not needed yet."""
    pinned: bool = False
    facts: Facts = field(default_factory=Facts)
    children: int = 0

    def next_ordinal(self) -> int:
        """Count one more child and return its ordinal."""
        self.children += 1
        return self.children - 1


@dataclass(slots=True)
class Origin:
    """Where a request comes from."""

    parent: Request | None
    """The request whose callback, errback or download gave it; None for a seed."""
    work: Work | None
    ordinal: int
    from_downloader: bool = False
    """A downloader middleware returned it instead of a response: a retry, or a redirect."""


class Lineage:
    """The requests in this worker's engine and the origin of those that they gave."""

    def __init__(self) -> None:
        self._works: dict[Request, Work] = {}
        self._latest: _Noted | None = None
        """What was noted last: mostly taken again at once, so that it costs no weak reference."""
        self._noted = False
        """Whether anything ever was in the table below, whose length costs more to ask."""
        self._origins: WeakKeyDictionary[Request, deque[Origin]] = WeakKeyDictionary()

    def begin(self, request: Request, work: Work) -> None:
        """Note that a request goes into the engine."""
        self._works[request] = work

    def end(self, request: Request) -> Work | None:
        """Note that a request left the engine; None where it was none of ours (robots.txt, media)."""
        return self._works.pop(request, None)

    def work_of(self, request: Request) -> Work | None:
        """Return what is noted of a request in the engine."""
        return self._works.get(request)

    def in_engine(self) -> list[tuple[Request, Work]]:
        """Return all requests in the engine."""
        return list(self._works.items())

    def seed(self, request: Request, ordinal: int) -> None:
        """Note that `start()` yielded a request."""
        self._note((request, None, None, ordinal, False))

    def replaced(self, request: Request, by: Request) -> None:
        """Note that a downloader middleware returned `by` instead of a response for `request`."""
        work = self._works.get(request)
        if work is not None:
            self._note((by, request, work, work.next_ordinal(), True))

    def take_origin(self, request: Request) -> Origin | None:
        """Return where a request comes from, once; None where nobody saw it come (an extension sent it).

        An object that was yielded several times comes as often, and has another origin each time.
        """
        origins = self._origins.get(request) if self._noted else None
        if origins:
            return origins.popleft()
        if self._latest is None or self._latest[0] is not request:
            return None
        latest, self._latest = self._latest, None
        return Origin(*latest[1:])

    def forget_origin(self, request: Request) -> None:
        """Take in that nobody wants to know where a request comes from; as often as `take_origin`."""
        if self._noted or (self._latest is not None and self._latest[0] is not request):
            self.take_origin(request)
        else:
            self._latest = None

    def tagged(self, found: Iterable[Any] | AsyncIterator[Any], parent: Request) -> Iterator[Any] | AsyncIterator[Any]:
        """Return what `parent`'s callback yields, each request noted as its child right before it is passed on."""
        work = self._works.get(parent)
        if work is None:
            return found if isinstance(found, AsyncIterator) else iter(found)
        if type(found) is not GeneratorType and isinstance(found, AsyncIterator):
            return self._tagged_later(found, parent, work)
        return self._tagged(found, parent, work)

    def _tagged(self, found: Iterable[Any], parent: Request, work: Work) -> Iterator[Any]:
        for one in found:
            if isinstance(one, Request):  # as _tag does, without a call for every link
                if self._latest is not None:
                    self._put_by(self._latest)
                self._latest = (one, parent, work, work.children, False)
                work.children += 1
            yield one

    async def _tagged_later(self, found: AsyncIterator[Any], parent: Request, work: Work) -> AsyncIterator[Any]:
        async for one in found:
            self._tag(one, parent, work)
            yield one

    def _tag(self, one: object, parent: Request, work: Work) -> None:
        if isinstance(one, Request):
            self._note((one, parent, work, work.next_ordinal(), False))

    def _note(self, noted: "_Noted") -> None:
        if self._latest is not None:
            self._put_by(self._latest)
        self._latest = noted

    def _put_by(self, noted: "_Noted") -> None:
        self._noted = True
        self._origins.setdefault(noted[0], deque()).append(Origin(*noted[1:]))


_Noted = tuple[Request, Request | None, Work | None, int, bool]
"""A request, and what its Origin is made of."""
