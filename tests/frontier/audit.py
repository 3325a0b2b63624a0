"""Do the numbers of a store agree with its keys? Everything is read in one script and counted again.

now = read(client, meta_key)
assert complaints(now) == []

How keys are packed is told in `store/scripts/lib/queues.lua`, `entries.lua`, `linear.lua`; it is decoded anew here.
"""

import hashlib
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeVar

import redis

from crawlfleet_frontier.packing import unpack
from tests.frontier.model import BANDS, Entry, Letter

READ_ALL: Final = """
local readers = {
  hash = function(key) return redis.call('HGETALL', key) end,
  set = function(key) return redis.call('SMEMBERS', key) end,
  list = function(key) return redis.call('LRANGE', key, 0, -1) end,
  zset = function(key) return redis.call('ZRANGE', key, 0, -1, 'WITHSCORES') end,
  string = function(key) return {redis.call('GET', key)} end,
  stream = function(key) return redis.call('XRANGE', key, '-', '+') end,
}
local all = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  local kind = redis.call('TYPE', key).ok
  all[#all + 1] = {key, kind, redis.call('OBJECT', 'ENCODING', key), readers[kind](key)}
end
return cmsgpack.pack(all)
"""
MOST_IN_A_BUCKET: Final = 512
MOST_IN_A_SEGMENT: Final = 10_000
TALLY: Final = ("admitted", "queued", "delayed", "leased", "done", "dead", "seen", "hosts", "suspects")
LISTED: Final = 128
"""Set in the first byte of a host's record where its requests are in lists."""
ALONE: Final = 128
"""A request's first byte is so much more once it goes out alone."""

Values = list[Any]
Result = TypeVar("Result")


_REMEMBERED: dict[str, tuple[Values, Any]] = {}


def remembered(what: str, values: Values, compute: Callable[[], Result]) -> Result:
    """Compute something from these values, unless they are what they were when it was asked last."""
    if what not in _REMEMBERED or _REMEMBERED[what][0] != values:
        _REMEMBERED[what] = (values, compute())
    result: Result = _REMEMBERED[what][1]
    return result


@dataclass(frozen=True)
class Key:
    """One key as it is in Redis; the values of hashes and zsets are flat pairs."""

    kind: str
    encoding: str
    values: Values

    def pairs(self) -> Iterator[tuple[bytes, bytes]]:
        """Return fields with values, or members with scores."""
        return zip(self.values[::2], self.values[1::2], strict=True)


@dataclass
class Store:
    """A store, decoded. `hosts`: the requests of each host by band, in order."""

    keys: dict[str, Key]
    meta: dict[str, str] = field(default_factory=dict)
    tally: dict[str, int] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    per_host: dict[str, int] = field(default_factory=dict)
    hosts: dict[str, list[list[Entry]]] = field(default_factory=dict)
    suspects: list[Entry] = field(default_factory=list)
    delayed: list[tuple[int, Entry]] = field(default_factory=list)
    leases: dict[str, dict[str, Entry]] = field(default_factory=dict)
    live: dict[str, int] = field(default_factory=dict)
    fencing: set[str] = field(default_factory=set)
    wake: dict[str, int] = field(default_factory=dict)
    dead: dict[str, Letter] = field(default_factory=dict)
    seeds: list[bytes] = field(default_factory=list)

    @property
    def raw(self) -> dict[str, tuple[str, Values]]:
        """Every key with its values, for comparing two moments."""
        return {name: (key.kind, ordered(key)) for name, key in self.keys.items()}

    @property
    def lease_clock(self) -> int:
        """In ms."""
        return int(self.meta.get("lease_clock", 0))

    @property
    def wall_clock(self) -> int:
        """In ms."""
        return int(self.meta.get("wall", 0))


def read(client: redis.Redis, meta_key: str) -> Store:
    """Read and decode the store with this `meta` key."""
    prefix = meta_key.removesuffix("meta")
    store = Store({name.removeprefix(prefix): key for name, key in raw(client).items() if name.startswith(prefix)})
    store.meta = {text(name): text(value) for name, value in pairs(store, "meta")}
    store.tally = {text(name): int(value) for name, value in pairs(store, "tally")}
    store.counters = {text(name): int(value) for name, value in pairs(store, "counters")}
    store.wake = {text(name): int(value) for name, value in pairs(store, "wake")}
    store.live = {text(name): int(float(score)) for name, score in pairs(store, "workers")}
    store.fencing = {text(name) for name, _ in pairs(store, "fencing")}
    store.suspects = [entry_of(packed) for packed in values(store, "suspects")]
    store.delayed = [(int(float(due)), delayed_entry(member)) for member, due in pairs(store, "delayed")]
    store.dead = dict(letter_of(*item) for item in values(store, "dead"))
    store.seeds = values(store, "seeds")
    read_families(store)
    return store


def read_families(store: Store) -> None:
    """Decode the keys of which there are many."""
    for name, key in store.keys.items():
        family, _, rest = name.partition(":")
        if family == "s":
            store.seen |= remembered(name, key.values, partial(texts, key.values))
        elif family == "h":
            store.hosts |= {text(host): queue_of(store, text(host), record) for host, record in key.pairs()}
        elif family == "n":
            store.per_host |= {text(host): int(count) for host, count in key.pairs()}
        elif family == "l":
            store.leases[rest] = {text(token): entry_of(packed) for token, packed in key.pairs()}


def raw(client: redis.Redis) -> dict[str, Key]:
    """Read every key of the database."""
    everything = unpack(client.eval(READ_ALL, 0))
    return {text(name): Key(text(kind), text(encoding), content) for name, kind, encoding, content in everything}


def ordered(key: Key) -> Values:
    """Return the values in an order that does not depend on how Redis keeps them."""
    if key.kind == "hash":
        return sorted(key.pairs())
    return sorted(key.values) if key.kind == "set" else key.values


def let_pass(client: redis.Redis, meta_key: str, milliseconds: int) -> None:
    """Let time pass without waiting: Redis' TIME was read so much earlier (or later: a step back) than it was."""
    for name in ("last", "lease_last"):
        client.hincrby(meta_key, name, -milliseconds)


@dataclass(frozen=True)
class Look:
    """What `snapshot` says."""

    meta: dict[str, str]
    tally: dict[str, int]
    workers: dict[str, tuple[int, int]]
    """Ms of silence and leases held, by epoch."""
    wakes: int
    due: int

    @classmethod
    def of(cls, reply: Values) -> "Look":
        """Read the reply."""
        _, _, meta, tally, _, workers, _, _, wakes, due = reply
        numbers = dict(zip(map(text, tally[::2]), map(int, tally[1::2]), strict=True))
        return cls(
            dict(zip(map(text, meta[::2]), map(text, meta[1::2]), strict=True)),
            {name: numbers.get(name, 0) for name in TALLY},
            {text(epoch): (silent, held) for epoch, _, silent, held in workers},
            wakes,
            due,
        )


# ---- how things are packed


def entry_of(packed: bytes) -> Entry:
    """Decode a request outside its host's queue."""
    band, length = packed[0], packed[1]
    request = packed[2 + length :]
    return Entry(text(packed[2 : 2 + length]), band, *parts(request))


def parts(request: bytes) -> tuple[int, bytes, bool]:
    """Decode a request as the queue has it: its losses, its payload, whether it goes out alone."""
    return request[0] % ALONE, request[1:], request[0] >= ALONE


def queue_of(store: Store, host: str, record: bytes) -> list[list[Entry]]:
    """Decode a host's record, with its lists where it has some."""
    if record[0] < LISTED:
        return remembered(host, [record], lambda: in_bands(host, packed_requests(record)))
    return in_bands(host, listed(store, host, record))


def in_bands(host: str, requests: Iterable[tuple[int, bytes]]) -> list[list[Entry]]:
    """Sort requests by their bands."""
    bands: list[list[Entry]] = [[] for _ in range(BANDS)]
    for band, request in requests:
        bands[band].append(Entry(host, band, *parts(request)))
    return bands


def packed_requests(record: bytes) -> Iterator[tuple[int, bytes]]:
    """Return the requests that stand in the record itself, with their bands."""
    at = 1
    while at < len(record):
        band, length = record[at], int.from_bytes(record[at + 1 : at + 3], "big")
        yield band, record[at + 3 : at + 3 + length]
        at += 3 + length


def listed(store: Store, host: str, record: bytes) -> Iterator[tuple[int, bytes]]:
    """Return the requests of a host that has lists, with their bands."""
    for band, first, last, _ in segments(record):
        for number in range(first, last + 1):
            for request in values(store, f"q:{host}:{band}:{number}"):
                yield band, request


def segments(record: bytes) -> list[tuple[int, int, int, int]]:
    """Return band, first segment, last segment and number of requests for each band of a record with lists."""
    return list(struct.iter_unpack(">BiiI", record[1:]))


def delayed_entry(member: bytes) -> Entry:
    """Decode a member of `delayed`: a serial, a colon, the request."""
    return entry_of(member.partition(b":")[2])


def letter_of(name: bytes, flat: Sequence[bytes]) -> tuple[str, Letter]:
    """Decode a dead letter."""
    fields = dict(zip(map(text, flat[::2]), flat[1::2], strict=True))
    entry = Entry(text(fields["host"]), int(fields["band"]), int(fields["losses"]), fields["payload"])
    return text(name), Letter(text(fields["reason"]), fields["error"], entry)


def text(value: bytes) -> str:
    """Decode a name."""
    return value.decode()


def texts(names: Values) -> set[str]:
    """Decode some names."""
    return set(map(text, names))


def values(store: Store, name: str) -> Values:
    """Return the values of a key; none where there is no such key."""
    return store.keys[name].values if name in store.keys else []


def pairs(store: Store, name: str) -> list[tuple[bytes, bytes]]:
    """Return the pairs of a key; none where there is no such key."""
    return list(store.keys[name].pairs()) if name in store.keys else []


# ---- the audit


def complaints(store: Store) -> list[str]:
    """Return what does not fit together; nothing of a store without a sentinel."""
    if not store.meta:
        return []
    return [
        *wrong_numbers(store),
        *wrong_buckets(store),
        *wrong_segments(store),
        *wrong_workers(store),
        *wrong_suspects(store),
    ]


def counted(store: Store) -> dict[str, int]:
    """Return the numbers of the tally that can be counted from the keys (all but `admitted` and `done`)."""
    waiting = sum(len(band) for bands in store.hosts.values() for band in bands)
    return {
        "queued": waiting + len(store.suspects),
        "delayed": len(store.delayed),
        "leased": sum(map(len, store.leases.values())),
        "dead": len(store.dead),
        "hosts": len(store.hosts),
        "suspects": len(store.suspects),
        "capped": len(store.per_host),
        **({"seen": len(store.seen)} if store.meta.get("dedupe") == "exact" else {"bits": bloom_bits(store)}),
    }


def bloom_bits(store: Store) -> int:
    """Return how many bits of the Bloom filter are set."""
    strings = [key.values[0] for name, key in store.keys.items() if name.startswith("b:")]
    return sum(int.from_bytes(string, "big").bit_count() for string in strings)


def wrong_numbers(store: Store) -> Iterator[str]:
    """Compare the tally with the keys, and its parts with their sum."""
    for name, number in counted(store).items():
        if store.tally.get(name, 0) != number:
            yield f"tally.{name} is {store.tally.get(name, 0)}, the keys hold {number}"
    parts = ("queued", "delayed", "leased", "done", "dead")
    held = sum(store.tally.get(name, 0) for name in parts)
    if store.tally.get("admitted", 0) != held:
        yield f"admitted is {store.tally.get('admitted', 0)}, its parts are {held}"


def wrong_buckets(store: Store) -> Iterator[str]:
    """Check where each id and each host lies, and how Redis keeps them."""
    for name, key in store.keys.items():
        family, _, number = name.partition(":")
        if family in {"s", "h", "n"}:
            yield from remembered(
                f"{name} of {store.meta[f'{family}_buckets']}",
                [key.encoding, *(key.values if family == "s" else key.values[::2])],
                partial(wrong_bucket, name, key, int(number), int(store.meta[f"{family}_buckets"])),
            )


def wrong_bucket(name: str, key: Key, number: int, buckets: int) -> list[str]:
    """Check one bucket of ids, hosts or counts."""
    if name.startswith("s"):
        fine = key.encoding == "intset" and len(key.values) <= MOST_IN_A_BUCKET
        wrong = [text(id_) for id_ in key.values if bucket(id_hash(text(id_)), buckets) != number]
    else:
        fine = key.encoding in {"listpack", "ziplist"}
        wrong = [text(host) for host in key.values[::2] if bucket(host_hash(host), buckets) != number]
    encoding = [] if fine else [f"{name} is a {key.encoding} of {len(key.values)} values"]
    return encoding + ([f"{name} holds what belongs elsewhere: {wrong[:3]}"] if wrong else [])


def bucket(number: int, buckets: int) -> int:
    """Return the bucket of linear hashing, of so many, in which this number lies."""
    low = 1 << (buckets.bit_length() - 1)
    place = number % (2 * low)
    return place if place < buckets else place - low


def id_hash(id_: str) -> int:
    """Return what an id's bucket is chosen by: the bytes of its last eight characters, read as digits."""
    number = 0
    for character in id_[-8:].rjust(8, "0").encode():
        number = number * 10 + character
    return number


def host_hash(host: bytes) -> int:
    """Return what a host's bucket is chosen by: the first twelve hexadecimal digits of its SHA-1."""
    return int(hashlib.sha1(host, usedforsecurity=False).hexdigest()[:12], 16)


def wrong_segments(store: Store) -> Iterator[str]:
    """Check that each list belongs to a host's record, is short enough, and that the record's numbers are true."""
    known = set()
    for name in [name for name in store.keys if name.startswith("h:")]:
        for host, record in store.keys[name].pairs():
            for band, first, last, count in segments(record) if record[0] >= LISTED else []:
                names = [f"q:{text(host)}:{band}:{number}" for number in range(first, last + 1)]
                known.update(names)
                lengths = [len(values(store, name)) for name in names]
                if sum(lengths) != count or max(lengths) > MOST_IN_A_SEGMENT:
                    yield f"{text(host)}, band {band}: {count} requests in its record, {lengths} in its lists"
    for name in store.keys.keys() - known:
        if name.startswith("q:"):
            yield f"{name} belongs to no host"


def digest(tokens: Iterable[str]) -> tuple[int, int]:
    """Return how many tokens `n.i` these are, and the sum of n * 1000 + i over them, modulo 2^31."""
    numbers = [[int(part) for part in token.split(".")] for token in tokens]
    return len(numbers), sum(number * 1000 + index for number, index in numbers) % 2**31


def wrong_workers(store: Store) -> Iterator[str]:
    """Check that every lease is under an epoch that is live or being fenced, and that its digest is true."""
    for epoch, leases in store.leases.items():
        if epoch not in store.live and epoch not in store.fencing:
            yield f"{len(leases)} leases of {epoch}, which is neither live nor fenced"
    for epoch in {*store.live, *store.fencing}:
        row = {text(name): value for name, value in pairs(store, f"w:{epoch}")}
        told = (int(row.get("held", 0)), int(row.get("sum", 0)))
        if told != digest(store.leases.get(epoch, {})):
            yield f"{epoch} holds {digest(store.leases.get(epoch, {}))} (number, sum of tokens), its row says {told}"
    for epoch in store.fencing & set(store.live):
        yield f"{epoch} is both live and fenced"


def wrong_suspects(store: Store) -> Iterator[str]:
    """Check that who is to go out alone waits among the suspects, and nobody else does."""
    queued = [entry for bands in store.hosts.values() for band in bands for entry in band]
    for entry in [entry for entry in queued if entry.alone][:3]:
        yield f"{entry} is suspect, and waits in its host's queue"
    for entry in [entry for entry in store.suspects if not (entry.alone and entry.losses)][:3]:
        yield f"{entry} is among the suspects and is none"
