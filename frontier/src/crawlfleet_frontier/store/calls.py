"""How is each script of the frontier store called? One builder a script, its arguments named.

Each returns a `ScriptCall`. `push`, `lease`, `settle` and `reconcile` are numbered: send what `.numbered(epoch,
number)` returns. Bounds, errors and replies stand at the head of each script; `replies` reads the replies.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from crawlfleet_frontier.calls import ScriptCall
from crawlfleet_frontier.packing import pack
from crawlfleet_frontier.store.keys import LAYOUT, StoreKeys

MOST_REQUESTS: Final = 500
"""Requests in one push, tokens in one settle, requests in one lease."""
MOST_PUSH_BYTES: Final = 1024 * 1024
"""Bytes of payloads in one push or settle."""
MOST_LEASE_HOSTS: Final = 200
MOST_HELD: Final = 5000
"""Tokens in one reconcile."""
MOST_WOKEN: Final = 500
SUM_MODULUS: Final = 2**31


@dataclass(frozen=True, slots=True)
class PushRequest:
    """One request to admit."""

    id: str
    """Signed 64-bit number in decimal (`identity`)."""
    host: str
    band: int
    """0 (first) to 7 (last)."""
    payload: bytes


@dataclass(frozen=True, slots=True)
class Settlement:
    """How leases end; every token is `<number>.<index>` as `lease` gave it."""

    done: Sequence[str] = ()
    retry: Sequence[tuple[str, int, bytes]] = ()
    """Token, delay in ms, payload (b"" where it is the same)."""
    dead: Sequence[tuple[str, str, str]] = ()
    """Token, reason, error (at most 500 bytes)."""
    release: Sequence[str] = ()
    """Back to the front of their hosts, in this order, or to the suspects where losses were counted; none is now."""
    expired: Sequence[str] = ()
    """Given up after their maximum age: a loss is counted."""


def create(
    keys: StoreKeys,
    *,
    seed_state: Literal["unseeded", "seeded"] = "unseeded",
    bloom_bits: int = 0,
    bloom_hashes: int = 0,
    host_cap: int = 0,
    stop_pages: int = 0,
    max_losses: int = 3,
    silence_ms: int = 6000,
) -> ScriptCall:
    """Put the sentinel down, once; with `bloom_bits` the seen set is a Bloom filter. 0 is no cap, no limit."""
    dedupe = "bloom" if bloom_bits else "exact"
    limits = (host_cap, stop_pages, max_losses, silence_ms)
    return _call("create", keys, (keys.uid, LAYOUT, seed_state, dedupe, bloom_bits, bloom_hashes, *limits))


def configure(keys: StoreKeys, *, host_cap: int, stop_pages: int, max_losses: int) -> ScriptCall:
    """Change the limits; 0 is no cap, no limit."""
    return _call("configure", keys, (host_cap, stop_pages, max_losses))


def join(keys: StoreKeys, epoch: str, layout: str = LAYOUT, *, first: bool = False) -> ScriptCall:
    """Begin to live under `epoch`; `first`: as a process whose predecessors in its place have ended."""
    return _call("join", keys, (layout, int(first)), epoch)


def beat(
    keys: StoreKeys,
    epoch: str,
    number: int,
    *,
    state: str,
    increments: Mapping[str, int],
    after_number: int,
    held: Iterable[str],
) -> ScriptCall:
    """Say that the worker lives: its state (JSON), its counters' increments, the tokens held after `after_number`."""
    count, total = digest(held)
    pairs = [part for pair in increments.items() for part in pair]
    return _call("beat", keys, (state, pairs, after_number, count, total), epoch, number)


def leave(keys: StoreKeys, epoch: str) -> ScriptCall:
    """Go, step by step: 500 leases a call."""
    return _call("leave", keys, (), epoch)


def seed(keys: StoreKeys, epoch: str, word: Literal["claim", "done", "abandon"]) -> ScriptCall:
    """Claim the right to run `start()`, say that it is through, or give the claim back."""
    return _call("seed", keys, (word,), epoch)


def push(
    keys: StoreKeys,
    requests: Iterable[PushRequest],
    *,
    drained_key: str = "",
    drained: Sequence[str | bytes] = (),
) -> ScriptCall:
    """Admit requests; `drained` are the entries of `drained_key` that they were made of. Unnumbered unless numbered."""
    rows: list[object] = []
    for request in requests:
        rows += (request.id, request.host, request.band, request.payload)
    more_keys = (drained_key,) if drained_key else ()
    return _call("push", keys, (rows, drained_key, drained), "", 0, more_keys=more_keys)


def lease(
    keys: StoreKeys,
    hosts: Iterable[tuple[str, int]],
    *,
    alone: bool = False,
    elapsed_ms: int = 0,
    done: Iterable[str] = (),
) -> ScriptCall:
    """Take up to so many requests of each host, after the leases of `done` (tokens, as in `settle`) have ended.

    `elapsed_ms`: since this worker's previous call, by its own clock.
    """
    return _call("lease", keys, (list(hosts), int(alone), elapsed_ms, list(done)))


def settle(keys: StoreKeys, settlement: Settlement, *, elapsed_ms: int = 0) -> ScriptCall:
    """End leases."""
    words = (settlement.done, settlement.retry, settlement.dead, settlement.release, settlement.expired)
    return _call("settle", keys, (*words, elapsed_ms))


def reconcile(keys: StoreKeys, held: Iterable[str]) -> ScriptCall:
    """Say which tokens are held; the others of this epoch go back."""
    return _call("reconcile", keys, (list(held),))


def reap(keys: StoreKeys, epoch: str = "", *, blame: bool = True) -> ScriptCall:
    """Fence what is silent (or the epoch named) and free its leases, 500 a call."""
    return _call("reap", keys, (epoch, int(blame)))


def tick(keys: StoreKeys, elapsed_ms: int) -> ScriptCall:
    """Move the clocks where no worker beats; `elapsed_ms` since the caller's previous call, 0 where there was none."""
    return _call("tick", keys, (elapsed_ms,))


def woken(keys: StoreKeys, told: Iterable[tuple[str, int]]) -> ScriptCall:
    """Strike hosts out of the outbox that the pace store was told of, with their serials."""
    return _call("woken", keys, (list(told),))


def rewake(keys: StoreKeys, pace_id: str, cursor: int = 0) -> ScriptCall:
    """Put all hosts into the outbox again, step by step, for the pace store `pace_id`."""
    return _call("rewake", keys, (pace_id, cursor))


def replay(keys: StoreKeys, stream_ids: Iterable[str]) -> ScriptCall:
    """Queue dead letters again."""
    return _call("replay", keys, (list(stream_ids),))


def block(keys: StoreKeys, host: str, reason: str = "Blocked") -> ScriptCall:
    """Make dead letters of a host's queued requests, 500 a call."""
    return _call("block", keys, (host, reason))


def close(keys: StoreKeys, admitted: int, start_urls_key: str = "") -> ScriptCall:
    """Close against pushes if the job is at its end and `admitted` is what was seen."""
    return _call("close", keys, (admitted,), more_keys=(start_urls_key,) if start_urls_key else ())


def reopen(keys: StoreKeys) -> ScriptCall:
    """Take pushes again."""
    return _call("reopen", keys, ())


def snapshot(keys: StoreKeys, start_urls_key: str = "") -> ScriptCall:
    """Look at the job once; `start_urls_key` is the user's own key where seeds come by one."""
    return _call("snapshot", keys, (start_urls_key,), more_keys=(start_urls_key,) if start_urls_key else ())


def digest(held: Iterable[str]) -> tuple[int, int]:
    """Return how many tokens are held, and the sum over `n.i` of n * 1000 + i modulo 2^31: what a beat compares."""
    count = total = 0
    for token in held:
        number, _, index = token.partition(".")
        count += 1
        total += int(number) * 1000 + int(index)
    return count, total % SUM_MODULUS


def _call(
    name: str, keys: StoreKeys, values: Sequence[object], *more: str | int, more_keys: tuple[str, ...] = ()
) -> ScriptCall:
    return ScriptCall(name, "store", keys.meta, (pack(list(values)), *more), more_keys)
