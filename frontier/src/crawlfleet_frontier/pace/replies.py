"""What does the pace store answer? The reply of each script, with names and types.

Each reader takes the bulk string that Redis returned.
"""

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, cast

from crawlfleet_frontier.packing import unpack

BLOCKED: Final = -1
NONE_WAITS: Final = -1

RobotsStatus = Literal["ok", "allow", "disallow", "unknown", "fetching", "yours"]


class Grant(NamedTuple):
    """Slots of a host: one, or without a delay several for two seconds."""

    token: str
    host: str
    slots: int
    wait_ms: int
    """Not sent before so long after the reply came, and not later than two seconds after that."""
    delay_ms: int
    asked: bool
    """Whether the host was asked for by name."""


class Held(NamedTuple):
    """How many slots of a multi-slot grant may be used for two more seconds."""

    token: str
    slots: int
    """Fewer than were wanted: let the others run out, then report the new number; 0: give the grant back."""


class Refused(NamedTuple):
    """An ask that was not granted."""

    host: str
    retry_in_ms: int
    """When to ask again; BLOCKED: never."""


@dataclass(frozen=True, slots=True)
class ExchangeReply:
    """The answer to an exchange."""

    grants: tuple[Grant, ...]
    holds: tuple[Held, ...]
    refused: tuple[Refused, ...]
    next_due_ms: int
    """Until the next host that waits can be had; NONE_WAITS."""
    store_id: str
    policy_version: str
    blocked: tuple[str, ...]
    """Hosts with work that the policy blocks: their requests are to be moved to the dead letters."""


class RobotsAnswer(NamedTuple):
    """What is known of an origin's robots.txt."""

    origin: str
    status: RobotsStatus
    text: bytes
    left_ms: int


@dataclass(frozen=True, slots=True)
class PaceSnapshot:
    """How the hosts stand; numbers of hosts unless named otherwise."""

    time: float
    """Redis' clock, seconds since the epoch."""
    ready: int
    waiting: int
    """With work and a free slot, due or not."""
    held_slots: int
    longest_wait_ms: int
    """The longest that a host is past its moment."""
    store_id: str


def read_changed(reply: bytes) -> bool:
    """Whether `policy` changed anything."""
    return bool(unpack(reply)[0])


def read_freed(reply: bytes) -> int:
    """How many slots `confirm_dead` freed; call it again until there are none."""
    return int(unpack(reply)[0])


def read_exchange(reply: bytes) -> ExchangeReply:
    """Read the reply of `exchange`."""
    grants, holds, refused, next_due, store_id, version, blocked = unpack(reply)
    return ExchangeReply(
        tuple(Grant(_text(g[0]), _text(g[1]), g[2], g[3], g[4], bool(g[5])) for g in grants),
        tuple(Held(_text(token), slots) for token, slots in holds),
        tuple(Refused(_text(host), retry) for host, retry in refused),
        next_due,
        _text(store_id),
        _text(version),
        tuple(_text(host) for host in blocked),
    )


def read_robots(reply: bytes) -> tuple[RobotsAnswer, ...]:
    """Read the reply of `robots`: first what was read, then what was claimed."""
    rows = unpack(reply)
    return tuple(RobotsAnswer(_text(r[0]), cast("RobotsStatus", _text(r[1])), r[2], r[3]) for r in rows)


def read_snapshot(reply: bytes) -> PaceSnapshot:
    """Read the reply of `pace_snapshot`."""
    seconds, micros, ready, waiting, held, longest, store_id = unpack(reply)
    return PaceSnapshot(seconds + micros / 1e6, ready, waiting, held, longest, _text(store_id))


def _text(value: bytes) -> str:
    return value.decode()
