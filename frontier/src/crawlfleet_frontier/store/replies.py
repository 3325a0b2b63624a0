"""What did a script of the frontier store answer? Each reply as a value with named fields.

`read_<script>` takes the bulk string. Strings that are text are decoded; payloads stay bytes. Hosts are decoded as they
were encoded, UTF-8.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crawlfleet_frontier.packing import unpack


@dataclass(frozen=True, slots=True)
class Joined:
    """What a worker finds when it joins."""

    seed_state: str
    """unseeded | seeding | seeded."""
    job_state: str
    """open | closed."""
    pace_id: str
    """The pace store that was told of all hosts; empty where none was."""
    to_reap: int = 0
    """Epochs whose leases `reap` would free."""


@dataclass(frozen=True, slots=True)
class Beaten:
    """What a worker learns from its beat."""

    applied: bool
    """False where the beat is a repeat, whose counters were added before."""
    seed_state: str
    job_state: str
    to_reap: int
    """Epochs that wait for `reap`."""
    mismatch: bool
    """The store knows other leases than the worker: reconcile."""
    suspects: int


@dataclass(frozen=True, slots=True)
class Moved:
    """How far a script came that moves 500 a call."""

    moved: int
    left: int


@dataclass(frozen=True, slots=True)
class Pushed:
    """What became of a batch."""

    admitted: int
    known: int
    left_out: int
    """Over the host's cap."""
    indices: tuple[int, ...]
    """Those admitted, counted from 0."""
    wakes: tuple[tuple[str, int], ...] = ()
    """Hosts that had nothing before."""


@dataclass(frozen=True, slots=True)
class Granted:
    """One leased request."""

    token: str
    host: str
    band: int
    losses: int
    """How many workers were lost with it."""
    payload: bytes


@dataclass(frozen=True, slots=True)
class Leased:
    """What a worker was given, and what it should pass on to the pace store."""

    grants: tuple[Granted, ...]
    empty: tuple[tuple[str, int], ...]
    """Hosts that were named and have nothing queued now, each with the serial of that moment."""
    wakes: tuple[tuple[str, int], ...]
    """Hosts that the pace store has not been told of, each with its serial."""
    suspects: int
    turn: bool
    """This worker is named to take suspects: finish what it holds, then ask `alone`."""
    room: int | None
    """Pages that may still be leased until `stop_pages`; None without a limit."""
    stale: tuple[str, ...] = ()
    """Tokens named as done that were none of this epoch's leases."""


@dataclass(frozen=True, slots=True)
class Settled:
    """How many words counted, and which tokens were none of this epoch's leases."""

    applied: int
    stale: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reconciled:
    """How many leases went back, and which tokens the store does not know."""

    returned: int
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ticked:
    """The clocks in ms, and how many epochs wait for `reap`."""

    lease_clock: int
    wall_clock: int
    to_reap: int


@dataclass(frozen=True, slots=True)
class LiveWorker:
    """A worker as the store last heard of it."""

    epoch: str
    state: str
    """JSON, as its last beat said it."""
    silent_ms: int
    """By the lease clock."""
    held: int


@dataclass(frozen=True, slots=True)
class StoreSnapshot:
    """One consistent look at a job."""

    time: float
    """Redis' clock, seconds since the epoch."""
    meta: Mapping[str, str]
    tally: Mapping[str, int]
    """Numbers by name; one that is missing is 0."""
    counters: Mapping[str, int]
    workers: tuple[LiveWorker, ...]
    seeds: int
    """Entries of the seeds' key; -1 where it holds a type that is no start URL key."""
    items: int
    wakes: int
    """Hosts that the pace store has not been told of."""
    due: int
    """Delayed requests whose time has come."""

    def number(self, name: str) -> int:
        """Return a number of the tally: admitted, queued, delayed, leased, done, dead, seen, hosts, suspects."""
        return self.tally.get(name, 0)


def read_one(reply: bytes) -> int:
    """Read the reply of `create`, `configure`, `woken`, `rewake`, `replay`, `close` or `reopen`: one number."""
    return int(unpack(reply)[0])


def read_seed(reply: bytes) -> str:
    """Read the reply of `seed`: run | wait | seeded."""
    return _text(unpack(reply)[0])


def read_join(reply: bytes) -> Joined:
    """Read the reply of `join`."""
    seed_state, job_state, pace_id, to_reap = unpack(reply)
    return Joined(_text(seed_state), _text(job_state), _text(pace_id), to_reap)


def read_beat(reply: bytes) -> Beaten:
    """Read the reply of `beat`."""
    applied, seed_state, job_state, to_reap, mismatch, suspects = unpack(reply)
    return Beaten(bool(applied), _text(seed_state), _text(job_state), to_reap, bool(mismatch), suspects)


def read_moved(reply: bytes) -> Moved:
    """Read the reply of `leave`, `reap` or `block`."""
    return Moved(*unpack(reply))


def read_push(reply: bytes) -> Pushed:
    """Read the reply of `push`."""
    admitted, known, left_out, indices, wakes = unpack(reply)
    return Pushed(admitted, known, left_out, tuple(indices), _serials(wakes))


def read_lease(reply: bytes) -> Leased:
    """Read the reply of `lease`."""
    entries, empty, wakes, suspects, turn, room, stale, number = unpack(reply)
    call = _text(number)
    return Leased(
        grants=tuple(_granted(f"{call}.{index}", entry) for index, entry in enumerate(entries, 1)),
        empty=_serials(empty),
        wakes=_serials(wakes),
        suspects=suspects,
        turn=bool(turn),
        room=None if room < 0 else room,
        stale=tuple(map(_text, stale)),
    )


def _granted(token: str, entry: bytes) -> Granted:
    """Read a request as the store keeps it: band, length of the host (a byte each), host, a byte, payload.

    The byte is the number of losses, plus 128 where the request goes out alone.
    """
    end = 2 + entry[1]
    return Granted(token, _text(entry[2:end]), entry[0], entry[end] % 128, entry[end + 1 :])


def read_settle(reply: bytes) -> Settled:
    """Read the reply of `settle`."""
    applied, stale = unpack(reply)
    return Settled(applied, tuple(map(_text, stale)))


def read_reconcile(reply: bytes) -> Reconciled:
    """Read the reply of `reconcile`."""
    returned, unknown = unpack(reply)
    return Reconciled(returned, tuple(map(_text, unknown)))


def read_tick(reply: bytes) -> Ticked:
    """Read the reply of `tick`."""
    return Ticked(*unpack(reply))


def read_snapshot(reply: bytes) -> StoreSnapshot:
    """Read the reply of `snapshot`."""
    seconds, micros, meta, tally, counters, workers, seeds, items, wakes, due = unpack(reply)
    return StoreSnapshot(
        time=seconds + micros / 1e6,
        meta=_fields(meta),
        tally={name: int(value) for name, value in _fields(tally).items()},
        counters={name: int(value) for name, value in _fields(counters).items()},
        workers=tuple(LiveWorker(_text(epoch), _text(state), silent, held) for epoch, state, silent, held in workers),
        seeds=seeds,
        items=items,
        wakes=wakes,
        due=due,
    )


def _serials(flat: Sequence[Any]) -> tuple[tuple[str, int], ...]:
    """Read hosts and serials in turn."""
    return tuple((_text(host), serial) for host, serial in zip(flat[::2], flat[1::2], strict=True))


def _fields(flat: Sequence[bytes]) -> dict[str, str]:
    texts = [_text(part) for part in flat]
    return dict(zip(texts[::2], texts[1::2], strict=True))


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")
