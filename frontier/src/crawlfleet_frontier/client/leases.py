"""What does a consumer hold: a lease (its request is ours) and a slot (its host may be asked now)?

They end apart: the slot when the connection closes, the lease when the request has left the engine.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from crawlfleet_frontier.envelope import FrontierRequest

GRANT_SECONDS: Final = 2.0
"""A grant is good for sending this long after its moment."""


class State(IntEnum):
    """Of a slot: promised to a lease, its socket open, over."""

    PROMISED = 0
    OPEN = 1
    CLOSED = 2


@dataclass(slots=True, eq=False)
class Grant:
    """The pace store's word that a host may be asked: once or, without a delay, by several for two seconds."""

    token: str
    host: str
    slots: int
    delay: float
    """Seconds between two requests of this host; 0 makes the grant reusable."""
    not_before: float
    send_by: float
    """Nothing is sent under it later (`clock.now`)."""
    promised: int = 0
    open: int = 0
    over: bool = False
    """Nothing more is sent under it, whatever the clock says."""
    idle_since: float = 0.0

    @property
    def reusable(self) -> bool:
        """Whether a slot that closes may be used for the next request."""
        return self.delay == 0

    def free(self, now: float) -> int:
        """Slots that nothing was promised yet."""
        return 0 if self.over or now > self.send_by else max(0, self.slots - self.promised - self.open)


@dataclass(slots=True, eq=False)
class Slot:
    """One connection that may be opened under a grant."""

    grant: Grant
    state: State = State.PROMISED

    @property
    def host(self) -> str:
        """The host that may be asked."""
        return self.grant.host


@dataclass(slots=True, eq=False)
class Lease:
    """One request that is this worker's until it says done, retry, dead or release."""

    token: str
    host: str
    band: int
    losses: int
    """Workers that were lost while they held it."""
    request: FrontierRequest
    id: str
    """What its requests that go round the duplicate filter are known by: see `identity.child_id`."""
    slot: Slot | None = None
    ended: bool = False
    """It was settled, or taken from this worker (`lost`): words about it change nothing any more."""
    lost: bool = False
    children: int = 0
    """Requests pushed for it so far: the next one's ordinal."""
    unconfirmed: int = 0
    """Of these, the ones the store has not confirmed yet: it is settled after them."""
    refused: bool = False
    """The store did not take one of its requests: it must go back and be fetched again."""
    stocked_at: float = field(default=0.0)
    """When it lost its slot or came without one (`clock.now`)."""
