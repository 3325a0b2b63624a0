"""What does a caller send to the pace store? One builder per script.

Times are whole milliseconds. Bounds and replies: the contract at the head of each script.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, NamedTuple

from crawlfleet_frontier.calls import ScriptCall
from crawlfleet_frontier.pace.keys import PaceKeys
from crawlfleet_frontier.packing import pack

MOST_CLOSES: Final = 400
"""Closes in one exchange."""
MOST_HOSTS: Final = 200
"""Hosts in one exchange: that have work, that have none, and that are taken."""
MOST_ASKS: Final = 100
"""Hosts asked for by name in one exchange."""
UNUSED: Final = -1
"""The age in a Close whose slot was given back without a request having been sent."""
UNCHANGED: Final = -1
"""The Crawl-delay in a Close that says nothing about it."""
INHERITED: Final = -1
"""A delay or a number of open requests in an Override: the default's."""


class Outcome(IntEnum):
    """What an answer says about the load that its host bears."""

    NONE = 0
    SUCCESS = 1
    SLOW_DOWN = 2
    """429 or 503."""


class Override(NamedTuple):
    """What holds for a host (`a.example`) or for all names below one (`*.a.example`)."""

    pattern: str
    delay_ms: int = INHERITED
    open_requests: int = INHERITED
    blocked: bool = False


class Close(NamedTuple):
    """A slot has ended. Its token, or `host:<host>` for a request under a grant that has passed on."""

    token: str
    age_ms: int
    """How long ago the first byte came; without a response: since the socket closed; or UNUSED."""
    outcome: Outcome = Outcome.NONE
    retry_after_ms: int = 0
    crawl_delay_ms: int = UNCHANGED


class Hold(NamedTuple):
    """How many slots of a grant without a delay the worker would like to keep; with 0 all its sockets are closed."""

    token: str
    slots: int


class HostSerial(NamedTuple):
    """A host and the serial of the frontier's message that it has work, or none."""

    host: str
    serial: int


class Ask(NamedTuple):
    """Slots of one host by name, for requests that did not come from a lease."""

    host: str
    slots: int = 1


class Take(NamedTuple):
    """How much of what is due the worker has room for."""

    hosts: int
    slots: int
    horizon_ms: int = 0
    """Up to so long before their moment hosts are given, with the wait; at most 2,000."""
    starving: bool = False
    """Whether others are to leave it some of what they keep, if it goes away empty."""


class RobotsClaim(NamedTuple):
    """An origin whose robots.txt this epoch would fetch within so many milliseconds."""

    origin: str
    claim_ms: int


class RobotsWrite(NamedTuple):
    """What an origin's robots.txt said, and for how long that holds."""

    origin: str
    status: str
    """ok (see text) | allow | disallow (everything)."""
    text: bytes
    ttl_ms: int


NOTHING: Final = Take(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a worker has to say to the pace store in one call."""

    run_id: str
    """Of the Redis it is connected to; empty where it cannot know."""
    elapsed_ms: int
    """By its own monotonic clock, rounded down: since its last call of `exchange` or `robots`; 0 for the first."""
    open_ms: int
    """How long one of its sockets can stay open at most."""
    take: Take = NOTHING
    closes: Iterable[Close] = field(default=())
    holds: Iterable[Hold] = field(default=())
    wants: Iterable[HostSerial] = field(default=())
    idles: Iterable[HostSerial] = field(default=())
    asks: Iterable[Ask] = field(default=())


def policy(
    keys: PaceKeys, version: str, default_delay_ms: int, default_open: int, overrides: Iterable[Override] = ()
) -> ScriptCall:
    """Set the policy under this version, and make the store where there is none."""
    rows = [(rule.pattern, rule.delay_ms, rule.open_requests, int(rule.blocked)) for rule in overrides]
    return _call("policy", keys, version, default_delay_ms, default_open, rows)


def exchange(keys: PaceKeys, epoch: str, number: int, said: Exchange) -> ScriptCall:
    """Report and take slots, as the `number`-th call of this epoch."""
    return _call(
        "exchange",
        keys,
        said.run_id,
        said.elapsed_ms,
        list(said.closes),
        list(said.holds),
        list(said.wants),
        list(said.idles),
        list(said.asks),
        said.take,
        said.open_ms,
    ).numbered(epoch, number)


def confirm_dead(keys: PaceKeys, dead: Iterable[str], spared: Iterable[str] = ()) -> ScriptCall:
    """Free the slots of these epochs, or of all epochs of these pod UIDs, but not of the spared epochs."""
    return _call("confirm_dead", keys, list(dead), list(spared))


def robots(
    keys: PaceKeys,
    epoch: str,
    elapsed_ms: int,
    reads: Iterable[str] = (),
    claims: Iterable[RobotsClaim] = (),
    writes: Iterable[RobotsWrite] = (),
) -> ScriptCall:
    """Write, read and claim what the robots.txt of origins said, in this order."""
    return _call("robots", keys, elapsed_ms, list(reads), list(claims), list(writes), epoch)


def pace_snapshot(keys: PaceKeys) -> ScriptCall:
    """Look at how the hosts stand."""
    return _call("pace_snapshot", keys)


def _call(name: str, keys: PaceKeys, *arguments: object) -> ScriptCall:
    return ScriptCall(name, "pace", keys.meta, (pack(list(arguments)),))
