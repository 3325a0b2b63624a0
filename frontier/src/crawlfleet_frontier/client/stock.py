"""Which request may be sent now: leases and slots brought together, the earliest first?

Pure: the time is an argument, nothing is sent from here.
"""

import heapq
from collections import deque
from dataclasses import dataclass, field
from itertools import count
from math import inf
from typing import Final

from crawlfleet_frontier.client.grants import Grants
from crawlfleet_frontier.client.leases import Lease, Slot

PATIENCE_SECONDS: Final = 1.0
"""So long a lease may lie here without a slot before it goes back to the frontier."""


@dataclass(slots=True)
class Stock:
    """The local buffer: leases that wait for a slot, and pairs that wait for their moment."""

    grants: Grants
    _waiting: dict[str, deque[Lease]] = field(default_factory=dict)
    _pairs: list[tuple[float, int, Lease]] = field(default_factory=list)
    _order: "count[int]" = field(default_factory=count)

    def __len__(self) -> int:
        """How many leases lie here."""
        return len(self._pairs) + sum(map(len, self._waiting.values()))

    def waiting(self, host: str) -> int:
        """Leases of the host without a slot."""
        return len(self._waiting.get(host, ()))

    def pairs(self) -> int:
        """Leases that have their slot."""
        return len(self._pairs)

    def add(self, lease: Lease, now: float, *, first: bool = False) -> None:
        """Put a lease in; with `first` before the others of its host."""
        lease.stocked_at, lease.slot = now, None
        queue = self._waiting.setdefault(lease.host, deque())
        (queue.appendleft if first else queue.append)(lease)

    def pair(self, host: str, now: float) -> None:
        """Bring the host's leases and free slots together."""
        queue = self._waiting.get(host)
        while queue:
            slot = self.grants.promise(host, now)
            if slot is None:
                return
            self.bind(queue.popleft(), slot)
        self._waiting.pop(host, None)

    def bind(self, lease: Lease, slot: Slot) -> None:
        """Put a lease in that has its slot."""
        lease.slot = slot
        heapq.heappush(self._pairs, (slot.grant.not_before, next(self._order), lease))

    def cede(self, host: str, now: float) -> Slot | None:
        """Take the slot away from the host's last pair, whose lease waits for another one; None where there is none.

        Only slots that are used again and again: others are the pace store's to give, for a moment of their own.
        """
        of_host = [entry for entry in self._pairs if entry[2].host == host and _stands(entry[2], now)]
        reusable = [entry for entry in of_host if entry[2].slot and entry[2].slot.grant.reusable]
        if not reusable:
            return None
        last = max(reusable)
        self._pairs.remove(last)
        heapq.heapify(self._pairs)
        slot = last[2].slot
        self.add(last[2], now, first=True)
        return slot

    def take(self, now: float) -> Lease | None:
        """Take out the next request that may be sent now."""
        while self._pairs and self._pairs[0][0] <= now:
            lease = heapq.heappop(self._pairs)[2]
            if _stands(lease, now):
                return lease
            self._part(lease, now)
        return None

    def next_moment(self) -> float:
        """When the next pair may be sent; infinity where there is none."""
        return self._pairs[0][0] if self._pairs else inf

    def expire(self, now: float) -> list[Lease]:
        """Part the pairs whose grant has run out; return the leases that have waited for a slot too long."""
        stale = [entry for entry in self._pairs if not _stands(entry[2], now)]
        if stale:
            self._pairs = [entry for entry in self._pairs if _stands(entry[2], now)]
            heapq.heapify(self._pairs)
            for entry in stale:
                self._part(entry[2], now)
        return [lease for host in list(self._waiting) for lease in self._impatient(host, now)]

    def next_expiry(self) -> float:
        """When `expire` may have something to do next."""
        sends = (entry[2].slot.grant.send_by for entry in self._pairs if entry[2].slot)
        waits = (
            queue[0].stocked_at + PATIENCE_SECONDS
            for host, queue in self._waiting.items()
            if queue and not self.grants.reusable_slots(host)
        )
        return min(min(sends, default=inf), min(waits, default=inf))

    def clear(self, now: float) -> list[Lease]:
        """Take everything out; the slots are given up."""
        leases = [lease for queue in self._waiting.values() for lease in queue]
        for _, _, lease in self._pairs:
            if lease.slot:
                self.grants.unused(lease.slot, now)
            lease.slot = None
            leases.append(lease)
        self._waiting, self._pairs = {}, []
        return leases

    def drop(self, lost: set[Lease], now: float) -> None:
        """Take out leases that are no longer ours."""
        for lease in self.clear(now):
            if lease not in lost:
                self.add(lease, now)
        for host in list(self._waiting):
            self.pair(host, now)

    def _part(self, lease: Lease, now: float) -> None:
        if lease.slot:
            self.grants.unused(lease.slot, now)
        self.add(lease, now, first=True)

    def _impatient(self, host: str, now: float) -> list[Lease]:
        queue = self._waiting[host]
        gone: list[Lease] = []
        if self.grants.reusable_slots(host):
            return gone
        while queue and queue[0].stocked_at + PATIENCE_SECONDS <= now:
            gone.append(queue.popleft())
        if not queue:
            del self._waiting[host]
        return gone


def _stands(lease: Lease, now: float) -> bool:
    slot = lease.slot
    return slot is not None and not slot.grant.over and now <= slot.grant.send_by
