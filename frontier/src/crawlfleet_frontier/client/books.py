"""All that a worker knows of its epoch: what it holds, what it has to tell, and how it stands. Pure."""

from dataclasses import dataclass, field
from math import inf
from typing import Final

from crawlfleet_frontier.client import rhythm
from crawlfleet_frontier.client.asks import Asks
from crawlfleet_frontier.client.capacity import Capacity
from crawlfleet_frontier.client.grants import Grants
from crawlfleet_frontier.client.held import Held
from crawlfleet_frontier.client.known import Known
from crawlfleet_frontier.client.leases import Lease
from crawlfleet_frontier.client.news import News
from crawlfleet_frontier.client.outbox import End, Outbox
from crawlfleet_frontier.client.settings import Settings
from crawlfleet_frontier.client.stock import Stock

HURRIED_SECONDS: Final = 0.05
"""Between two batches where somebody waits for them."""


@dataclass(slots=True)
class Books:
    """The books of one epoch."""

    settings: Settings
    grants: Grants = field(default_factory=Grants)
    held: Held = field(default_factory=Held)
    outbox: Outbox = field(default_factory=Outbox)
    news: News = field(default_factory=News)
    known: Known = field(default_factory=Known)
    stock: Stock = field(init=False)
    asks: Asks = field(init=False)
    capacity: Capacity = field(init=False)
    draining: bool = False
    """Nothing new is taken any more."""
    closed: bool = False
    """The job is closed."""
    turn: bool = False
    """This worker is named to take suspects: it takes nothing else until it holds nothing."""
    alone: Lease | None = None
    """The suspect that it holds."""
    full_until: float = -inf
    """Redis had no memory left: nothing is pushed or leased before."""
    memory_tight: bool = False
    room: int | None = None
    """Pages that may still be leased; None without a limit."""
    flushing: int = 0
    """So many wait for all that was pushed to be admitted."""
    empty_hosts: dict[str, int] = field(default_factory=dict)
    """Hosts of which the frontier had nothing left when it was last asked, with the serial of that."""

    def __post_init__(self) -> None:
        """Lay out what stands on the grants."""
        self.grants.most = self.settings.concurrency
        self.stock = Stock(self.grants)
        self.asks = Asks(self.grants, self.stock.cede)
        self.capacity = Capacity(self.settings.slots, self.settings.concurrency)

    def hungry(self) -> bool:
        """Whether there is room for more and nothing that could be sent, now or soon."""
        return not len(self.stock) and self.grants.in_hand() < min(self.settings.concurrency, int(self.capacity.slots))

    def gap_of_ends(self) -> float:
        """How many seconds may lie between two batches of ended leases; infinity where nobody waits for them."""
        return HURRIED_SECONDS if self.flushing or self.draining or self.turn else inf

    def gap_of_pushes(self) -> float:
        """How many seconds may lie between two batches of new requests.

        A hungry worker waits for them: they may be sent when their hosts' delays have passed.
        """
        hungry = max(HURRIED_SECONDS, rhythm.OF_DELAY * self.grants.delay) if self.hungry() else inf
        return min(self.gap_of_ends(), hungry)

    def memory_share(self, share: float) -> None:
        """Take in how much of Redis' `maxmemory` is used: what found no room is sent as soon as there is some."""
        self.memory_tight = share >= self.settings.memory_share
        if not self.memory_tight:
            self.full_until = -inf

    def drain(self, now: float) -> None:
        """Take nothing more; what waits for room is tried at once: it goes back where there is still none."""
        self.draining, self.full_until = True, -inf
        self.step_aside(now)

    def takes(self, now: float) -> bool:
        """Whether new requests may be taken from the frontier."""
        stopped = self.draining or self.closed or self.turn or self.memory_tight or self.alone is not None
        return not stopped and now >= self.full_until and self.room != 0

    def free_slots(self, now: float) -> int:
        """How many more slots there is room for."""
        if not self.takes(now) or self.grants.cedes(now):
            return 0
        room = self.settings.held - len(self.held.leases)
        return max(0, min(int(self.capacity.slots) - self.grants.in_hand(), room, 500))

    def of_use(self, host: str) -> bool:
        """Whether a reusable grant of the host is worth keeping."""
        return host not in self.empty_hosts and not (self.draining or self.turn or self.closed)

    def take(self, now: float) -> Lease | None:
        """Return the next request that may be sent now, and note how late that is."""
        lease = self.stock.take(now)
        if lease and lease.slot and not lease.slot.grant.reusable:
            ready_at = max(lease.slot.grant.not_before, lease.stocked_at)
            self.capacity.handed_out(now - ready_at, now, self.grants.in_hand)
        return lease

    def give_back(self, leases: list[Lease], now: float) -> None:
        """Release leases that were never sent."""
        for lease in leases:
            self.outbox.end(End(lease, "release"), now)

    def step_aside(self, now: float) -> None:
        """Give back all that was not handed out: this worker drains, or is to hold nothing."""
        self.give_back(self.stock.clear(now), now)
        for host in list(self.grants.hosts()):
            self.grants.give_up(host, now)
