"""What has the frontier store to be told, in which batches: pushed requests and ended leases?

A lease is settled only after every request pushed for it was confirmed. Where Redis has no room for them they wait
here, and the lease with them: given back, its page would be fetched in vain by one worker after the other. Where the
job is closed the lease goes back, whatever its consumer said. Pure.
"""

from collections import deque
from dataclasses import dataclass, field
from math import inf
from typing import Final, Literal

from crawlfleet_frontier.client.leases import Lease
from crawlfleet_frontier.store.calls import MOST_PUSH_BYTES, MOST_REQUESTS, PushRequest, Settlement

MOST_PUSHED: Final = MOST_REQUESTS
MOST_SETTLED: Final = 250
"""A settle goes at once where so many wait."""

MANY_SETTLED: Final = 128
"""Where so many wait, it goes as soon as this has passed since the settle before."""

MANY_SECONDS: Final = 0.25

Kind = Literal["done", "retry", "dead", "release", "expired"]


Batch = list[tuple[PushRequest, Lease | None]]
"""Requests to admit, each with the lease that it came from."""


@dataclass(frozen=True, slots=True)
class End:
    """How a lease ends."""

    lease: Lease
    kind: Kind
    delay_ms: int = 0
    payload: bytes = b""
    """Of a retry that changes the request; empty leaves it as it is."""
    reason: str = ""
    error: str = ""


@dataclass(slots=True)
class Throttle:
    """When a batch goes: a short while after its first part, and a longer one after the batch before."""

    short: float
    long: float
    waiting_since: float = inf
    last: float = -inf

    def arrived(self, now: float) -> None:
        """Something waits to be sent."""
        self.waiting_since = min(self.waiting_since, now)

    def gone(self, now: float, left: bool) -> None:
        """Note that a batch was sent; `left` says whether something still waits."""
        self.last = now
        self.waiting_since = now if left else inf

    def due(self, gap: float) -> float:
        """When the next batch goes, `gap` seconds after the one before at the latest; infinity where nothing waits."""
        if self.waiting_since == inf:
            return inf
        return max(self.waiting_since + self.short, self.last + min(gap, self.long))


@dataclass(slots=True)
class Outbox:
    """Pushes and endings on their way to the store."""

    pushing: Throttle = field(default_factory=lambda: Throttle(0.01, 1.0))
    settling: Throttle = field(default_factory=lambda: Throttle(0.03, 2.0))
    _pushes: deque[tuple[PushRequest, Lease | None]] = field(default_factory=deque)
    _bytes: int = 0
    _ends: deque[End] = field(default_factory=deque)
    _pending: dict[Lease, End] = field(default_factory=dict)
    """Ended leases whose requests are not all confirmed."""
    _settling: int = 0
    _pushing: list[Batch] = field(default_factory=list)
    """Sent and not answered."""

    def push(self, request: PushRequest, parent: Lease | None, now: float) -> None:
        """Take a request to be admitted; its parent is settled after it."""
        self._pushes.append((request, parent))
        self._bytes += len(request.payload)
        self.pushing.arrived(now)
        if parent:
            parent.unconfirmed += 1

    def end(self, end: End, now: float) -> None:
        """Take the end of a lease."""
        end.lease.ended = True
        if end.lease.unconfirmed:
            self._pending[end.lease] = end
        else:
            self._settle(end, now)

    def waiting_pushes(self) -> int:
        """Return how many requests were not sent yet."""
        return len(self._pushes)

    def empty(self) -> bool:
        """Whether nothing waits and nothing is under way."""
        return not (self._pushes or self._ends or self._pending or self._pushing or self._settling)

    def pushes_confirmed(self) -> bool:
        """Whether every push was answered."""
        return not (self._pushes or self._pushing)

    def orphans(self) -> list[PushRequest]:
        """Return the unconfirmed requests that came from no lease: nobody would find them again."""
        batches = [*self._pushing, self._pushes]
        return [request for batch in batches for request, parent in batch if parent is None]

    def push_due(self, gap: float, *, at_once: bool = False) -> float:
        """When the next push goes: `gap` seconds after the one before, or sooner where all waits for it (`at_once`)."""
        if at_once or len(self._pushes) >= MOST_PUSHED or self._bytes >= MOST_PUSH_BYTES:
            return self.pushing.waiting_since
        return self.pushing.due(gap)

    def settle_due(self, gap: float, *, at_once: bool = False) -> float:
        """When the next settle goes; what is done and not settled is fetched again where this worker dies."""
        if at_once or len(self._ends) >= MOST_SETTLED:
            return self.settling.waiting_since
        many = self.settling.last + MANY_SECONDS if len(self._ends) >= MANY_SETTLED else inf
        return min(many, self.settling.due(gap))

    def next_push(self, now: float) -> Batch:
        """Take out one batch of pushes."""
        batch: Batch = []
        room = MOST_PUSH_BYTES
        while self._pushes and len(batch) < MOST_PUSHED and (room >= len(self._pushes[0][0].payload) or not batch):
            batch.append(self._pushes.popleft())
            room -= len(batch[-1][0].payload)
        self._bytes -= MOST_PUSH_BYTES - room
        self._pushing.append(batch)
        self.pushing.gone(now, bool(self._pushes))
        return batch

    def pushed(self, batch: Batch, now: float, *, refused: bool) -> None:
        """Take in that a batch was answered; leases whose last request it was are settled next."""
        self._pushing = [other for other in self._pushing if other is not batch]
        for _, parent in batch:
            if parent is None:
                continue
            parent.unconfirmed -= 1
            parent.refused = parent.refused or refused
            if not parent.unconfirmed and parent in self._pending:
                self._settle(self._pending.pop(parent), now)

    def put_back(self, batch: Batch, now: float) -> None:
        """Take back a batch that found no room, to be sent before the others."""
        self._pushing = [other for other in self._pushing if other is not batch]
        self._pushes.extendleft(reversed(batch))
        self._bytes += sum(len(request.payload) for request, _ in batch)
        self.pushing.arrived(now)

    def next_settle(self, now: float) -> list[End]:
        """Take out one batch of endings."""
        batch = [self._ends.popleft() for _ in range(min(MOST_REQUESTS, len(self._ends)))]
        self._settling += 1
        self.settling.gone(now, bool(self._ends))
        return batch

    def next_done(self, now: float) -> list[End]:
        """Take out one batch for a call that ends leases on the way; none where any waits that is not simply done."""
        if any(end.kind != "done" for end in self._ends):
            return []
        return self.next_settle(now) if self._ends else []

    def settled(self) -> None:
        """Take in that a batch of endings was answered."""
        self._settling -= 1

    def _settle(self, end: End, now: float) -> None:
        self._ends.append(End(end.lease, "release") if end.lease.refused else end)
        self.settling.arrived(now)


def settlement(ends: list[End]) -> Settlement:
    """Return the batch as `settle` takes it."""
    return Settlement(
        done=[end.lease.token for end in ends if end.kind == "done"],
        retry=[(end.lease.token, end.delay_ms, end.payload) for end in ends if end.kind == "retry"],
        dead=[(end.lease.token, end.reason, end.error) for end in ends if end.kind == "dead"],
        release=[end.lease.token for end in ends if end.kind == "release"],
        expired=[end.lease.token for end in ends if end.kind == "expired"],
    )
