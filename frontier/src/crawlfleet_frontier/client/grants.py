"""Which hosts may this worker ask right now, and what must the pace store hear of it, by when?

Pure: the time is an argument, nothing is sent from here.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import inf
from typing import Final

from crawlfleet_frontier.client.leases import GRANT_SECONDS, Grant, Slot, State
from crawlfleet_frontier.client.reports import Ending, Report
from crawlfleet_frontier.pace.calls import MOST_CLOSES, Close, Hold

RENEW_SECONDS: Final = 0.5
"""So long before its end a grant that is in use is asked for again."""

IDLE_SECONDS: Final = 0.1
"""So long a reusable grant may be of no use before it is given back."""

CEDES_SECONDS: Final = 3.0
"""So long a worker takes nothing once slots of its own are wanted by another: they are free at its next renewal, and
the other one looks again within a second."""

SPARED_SECONDS: Final = 1.0
"""So long it takes nothing once it gave back what is beyond its connections: the same would come again."""

DELAY_RISES: Final = 0.1
"""The share by which `Grants.delay` follows a longer one; a shorter one it follows at once."""


@dataclass(slots=True)
class Grants:
    """The grants in hand and the closes that the pace store has not heard of."""

    most: int = 64
    """Slots of a reusable grant that this worker can use."""
    lead: float = 0.03
    """Seconds from the moment a report is due to be sent until a new grant with its lease can be here."""
    delay: float = 0.0
    """The delay of hosts that were granted of late, in seconds: that of the quickest rather than of the slowest."""
    cedes_until: float = -inf
    """Until then what this worker frees is left to others, while it has anything itself."""
    by_token: dict[str, Grant] = field(default_factory=dict)
    reports: list[Report] = field(default_factory=list)
    _by_host: dict[str, list[Grant]] = field(default_factory=dict)
    _beyond: bool = False
    """Some host has more reusable slots here than this worker can use."""

    def add(self, grant: Grant, now: float) -> None:
        """Take a new grant in hand."""
        grant.idle_since = now
        self.delay = min(grant.delay, self.delay + DELAY_RISES * (grant.delay - self.delay))
        self.by_token[grant.token] = grant
        self._by_host.setdefault(grant.host, []).append(grant)
        self._beyond = self._beyond or self.reusable_slots(grant.host) > self.most

    def hosts(self) -> Iterable[str]:
        """Hosts with a grant in hand."""
        return self._by_host.keys()

    def free(self, host: str, now: float) -> int:
        """Slots of the host that nothing was promised yet."""
        return sum(grant.free(now) for grant in self._by_host.get(host, ()))

    def reusable_slots(self, host: str) -> int:
        """All slots of the host's reusable grants."""
        return sum(grant.slots for grant in self._by_host.get(host, ()) if grant.reusable and not grant.over)

    def cedes(self, now: float) -> bool:
        """Whether what is free now is left to others, until `cedes_until`."""
        return now < self.cedes_until

    def in_hand(self) -> int:
        """Slots given out to this worker: open, promised and free."""
        return sum(grant.open if grant.over else grant.slots for grant in self.by_token.values())

    def starving(self) -> bool:
        """Whether a part of what others keep is wanted: nothing here is used again, and there is little else."""
        return self.in_hand() < self.most / 2 and not any(grant.reusable for grant in self.by_token.values())

    def promise(self, host: str, now: float) -> Slot | None:
        """Return a slot of the host for one request, the earliest first; None where there is none."""
        free = [grant for grant in self._by_host.get(host, ()) if grant.free(now)]
        if not free:
            return None
        grant = min(free, key=lambda one: one.not_before)
        grant.promised += 1
        return Slot(grant)

    def sent(self, slot: Slot, now: float) -> bool:
        """Open the slot's connection; False where its time has passed (the slot is over then)."""
        grant = slot.grant
        if slot.state is not State.PROMISED or grant.over or not grant.not_before <= now <= grant.send_by:
            self.unused(slot, now)
            return False
        grant.promised -= 1
        grant.open += 1
        slot.state = State.OPEN
        return True

    def unused(self, slot: Slot, now: float) -> None:
        """Nothing will be sent in this slot."""
        if slot.state is not State.PROMISED:
            return
        slot.state = State.CLOSED
        slot.grant.promised -= 1
        if slot.grant.reusable:
            self._rest(slot.grant, now)
        else:
            self._close(slot.grant, Report(slot.grant.token, None, now + IDLE_SECONDS))

    def closed(self, slot: Slot, ending: Ending, now: float) -> None:
        """Take in that the slot's connection has closed, or is free for another request."""
        if slot.state is not State.OPEN:
            self.unused(slot, now)
            return
        slot.state = State.CLOSED
        grant = slot.grant
        grant.open -= 1
        since = now if ending.first_byte is None else min(now, ending.first_byte)
        if not grant.reusable:
            self._close(grant, Report(grant.token, since, since + grant.delay - self._lead(grant), ending))
        else:
            if ending.slows_down():
                self.reports.append(Report(f"host:{grant.host}", since, now, ending))
                grant.over = True
            self._rest(grant, now)

    def expire(self, now: float) -> None:
        """Give up what can no longer be used and was promised to nobody."""
        for grant in list(self.by_token.values()):
            if grant.promised or grant.open or grant.reusable or now <= grant.send_by:
                continue
            self._close(grant, Report(grant.token, None, now))

    def give_up(self, host: str, now: float) -> None:
        """Give the host's free slots back, the frontier has nothing for them; reusable ones go in time."""
        for grant in list(self._by_host.get(host, ())):
            if not grant.reusable and not grant.promised and not grant.open:
                self._close(grant, Report(grant.token, None, now + IDLE_SECONDS))

    def due(self, now: float, wanted: Callable[[str], bool]) -> float:
        """When the pace store must hear something; `wanted` says whether a host's grant is still of use."""
        if self._beyond:
            return now
        report = now if len(self.reports) >= MOST_CLOSES else min((one.due for one in self.reports), default=inf)
        renewals = (_renewal(grant, wanted(grant.host)) for grant in self.by_token.values() if grant.reusable)
        return min(report, min(renewals, default=inf))

    def next_closes(self, now: float) -> list[Close]:
        """Take out the closes for one exchange."""
        first, self.reports = self.reports[:MOST_CLOSES], self.reports[MOST_CLOSES:]
        return [report.close(now) for report in first]

    def next_holds(self, now: float, wanted: Callable[[str], bool]) -> list[Hold]:
        """Say of each reusable grant how many of its slots are still of use; those of none are given back."""
        if self._beyond:
            self._beyond, self.cedes_until = False, max(self.cedes_until, now + SPARED_SECONDS)
        left = dict.fromkeys(self._by_host, self.most)
        reusable = [grant for grant in self.by_token.values() if grant.reusable]
        return [self._hold(grant, left, wanted(grant.host)) for grant in reusable]

    def _hold(self, grant: Grant, left: dict[str, int], wanted: bool) -> Hold:
        """Keep what is in use and, of one that is wanted, what this worker can use beside; `left` is that, by host."""
        of_use = min(grant.slots, left[grant.host]) if wanted and not grant.over else 0
        grant.slots = max(grant.open + grant.promised, of_use)
        left[grant.host] = max(0, left[grant.host] - grant.slots)
        if not grant.slots:
            self._forget(grant)
        return Hold(grant.token, grant.slots)

    def held(self, token: str, allowed: int, sent_at: float) -> None:
        """Take in what the pace store allows of a grant from now on: 0 is nothing more.

        Its slots stay open there until `next_holds` has said that none is of use, so it is not forgotten here. Where
        some are to be given back, another worker went away empty: it would do so for ever if this one took them again.
        """
        grant = self.by_token.get(token)
        if grant is None:
            return
        if 0 < allowed < grant.slots:
            self.cedes_until = sent_at + CEDES_SECONDS
        grant.over = grant.over or not allowed
        grant.slots = allowed or grant.slots
        grant.send_by = max(grant.send_by, sent_at + GRANT_SECONDS) if not grant.over else grant.send_by

    def _rest(self, grant: Grant, now: float) -> None:
        if not grant.open and not grant.promised:
            grant.idle_since = now

    def _lead(self, grant: Grant) -> float:
        return min(self.lead, grant.delay / 2)

    def _close(self, grant: Grant, report: Report) -> None:
        self.reports.append(report)
        self._forget(grant)

    def _forget(self, grant: Grant) -> None:
        grant.over = True
        if self.by_token.pop(grant.token, None):
            of_host = self._by_host[grant.host]
            of_host.remove(grant)
            if not of_host:
                del self._by_host[grant.host]
            if not self.by_token:
                self.cedes_until = -inf


def _renewal(grant: Grant, wanted: bool) -> float:
    if grant.open or grant.promised or (wanted and not grant.over):
        return grant.send_by - RENEW_SECONDS
    return grant.idle_since + IDLE_SECONDS
