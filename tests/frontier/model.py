"""What should the frontier store do? A reference in plain dicts and lists, written from `docs/frontier.md`.

Every method is a script: it returns the reply that the script should give, or raises `Refused` with the error word and
has changed nothing. What the documents leave to Redis is taken from outside: the clocks (`lease_clock`, `wall_clock`
are set after each call, see `test_model`), the serials of the wakes (`NEW` until the test has read them), and which of
an epoch's leases a call moves where it cannot move all (`still_held`).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeAlias

LAYOUT: Final = "frontier/1"
BANDS: Final = 8
KEPT_REPLIES: Final = 8
LAST_BAND_EVERY: Final = 16
MOST_MOVED: Final = 500
MOST_PROMOTED: Final = 100
NEW: Final = 0
"""A serial that Redis has made in this call; the test puts the real one here."""

Reply: TypeAlias = list[Any]


class Refused(Exception):  # noqa: N818 - what happened, not an error of the model
    """The script answers with an error that begins with `word`."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


class Entry(NamedTuple):
    """One admitted request."""

    host: str
    band: int
    losses: int
    payload: bytes
    alone: bool = False
    """A suspect: it goes out alone."""


@dataclass
class Delayed:
    """One delayed request; the second field orders those that are due at the same time."""

    due: int
    number: int
    entry: Entry


@dataclass
class Letter:
    """One dead letter."""

    reason: str
    error: bytes
    entry: Entry


@dataclass
class Worker:
    """One epoch that is live, or fenced and still holds leases."""

    beaten: int
    number: int = 0
    beat: int = 0
    alone: bool = False
    blame: bool = True
    fenced_at: int = 0
    replies: dict[int, Reply] = field(default_factory=dict)
    leases: dict[str, Entry] = field(default_factory=dict)

    def digest(self) -> tuple[int, int]:
        """Return the number of leases and the sum over their tokens `n.i` of n * 1000 + i, modulo 2^31."""
        pairs = (token.split(".") for token in self.leases)
        return len(self.leases), sum(int(n) * 1000 + int(i) for n, i in pairs) % 2**31


@dataclass
class Host:
    """The queued requests of one host by band, and how many it has given out since it has had any."""

    bands: list[list[Entry]] = field(default_factory=lambda: [[] for _ in range(BANDS)])
    given: int = 0

    def __len__(self) -> int:
        return sum(map(len, self.bands))

    def take(self) -> Entry:
        """Take the next request: the lowest band's first, every sixteenth time the last band's."""
        self.given += 1
        filled = [band for band in self.bands if band]
        return filled[-1 if self.given % LAST_BAND_EVERY == 0 else 0].pop(0)


class Model:
    """The whole store."""

    def __init__(self) -> None:
        self.created = False
        self.state = "open"
        self.seed_state = "unseeded"
        self.seeder = ""
        self.pace_id = ""
        self.host_cap = self.stop_pages = self.max_losses = self.silence_ms = 0
        self.lease_clock = self.wall_clock = 0
        self.admitted = self.done = 0
        self.seen: set[str] = set()
        self.per_host: dict[str, int] = {}
        self.hosts: dict[str, Host] = {}
        self.suspects: list[Entry] = []
        self.named = ""
        self.asked = 0
        self.delayed: list[Delayed] = []
        self.delays = 0
        self.workers: dict[str, Worker] = {}
        self.fencing: dict[str, Worker] = {}
        self.fenced: set[str] = set()
        self.wake: dict[str, int] = {}
        self.dead: dict[str, Letter] = {}
        self.buried: list[Letter] = []
        self.counters: dict[str, int] = {}
        self.seeds: list[str] = []
        self.still_held: dict[str, dict[str, Entry]] = {}

    # ---- what can be read

    @property
    def queued(self) -> int:
        """Requests that wait for a worker, suspects among them."""
        return sum(map(len, self.hosts.values())) + len(self.suspects)

    @property
    def leased(self) -> int:
        """Requests in the hands of live and of fenced workers."""
        return sum(len(worker.leases) for worker in (*self.workers.values(), *self.fencing.values()))

    def tally(self) -> dict[str, int]:
        """Return the tally as it should be."""
        return {
            "admitted": self.admitted,
            "queued": self.queued,
            "delayed": len(self.delayed),
            "leased": self.leased,
            "done": self.done,
            "dead": len(self.dead) + len(self.buried),
            "seen": len(self.seen),
            "hosts": len(self.hosts),
            "suspects": len(self.suspects),
        }

    def expired(self) -> list[str]:
        """Return the live epochs that were silent for too long, longest first."""
        silent = [name for name, worker in self.workers.items() if self.lease_clock - worker.beaten > self.silence_ms]
        return sorted(silent, key=lambda name: (self.workers[name].beaten, name))

    def to_reap(self) -> int:
        """Return how many epochs `reap` would find."""
        return len(self.expired()) + len(self.fencing)

    def room(self) -> int:
        """Return how many requests may still be leased; -1 without a limit."""
        return max(0, self.stop_pages - self.done - self.leased) if self.stop_pages else -1

    def call(self, act: Callable[[], Reply]) -> Reply:
        """Carry out one call; hosts that have requests behind it and had none before are written to the outbox."""
        before = set(self.hosts)
        reply = act()
        self.wake.update(dict.fromkeys(self.hosts.keys() - before, NEW))
        return reply

    # ---- operator

    def create(self, seed_state: str, host_cap: int, stop_pages: int, max_losses: int, silence_ms: int) -> Reply:
        if self.created:
            return [0]
        self.created, self.seed_state, self.silence_ms = True, seed_state, silence_ms
        self.host_cap, self.stop_pages, self.max_losses = host_cap, stop_pages, max_losses
        return [1]

    def configure(self, host_cap: int, stop_pages: int, max_losses: int) -> Reply:
        self._intact()
        wanted = (host_cap, stop_pages, max_losses)
        if wanted == (self.host_cap, self.stop_pages, self.max_losses):
            return [0]
        self.host_cap, self.stop_pages, self.max_losses = wanted
        return [1]

    def tick(self) -> Reply:
        self._intact()
        return [self.lease_clock, self.wall_clock, self.to_reap()]

    def close(self, admitted: int) -> Reply:
        self._intact()
        at_work = self.queued or self.delayed or self.leased or self.seeds or self.seed_state != "seeded"
        if self.state == "open" and (at_work or admitted != self.admitted):
            return [0]
        self.state = "closed"
        return [1]

    def reopen(self) -> Reply:
        self._intact()
        was, self.state = self.state, "open"
        return [int(was == "closed")]

    def replay(self, ids: Sequence[str]) -> Reply:
        self._open()
        known = [name for name in dict.fromkeys(ids) if name in self.dead]
        for name in known:
            self._enqueue(self.dead.pop(name).entry._replace(losses=0))
        return [len(known)]

    def block(self, host: str, reason: str) -> Reply:
        self._intact()
        moved = 0
        while host in self.hosts and moved < MOST_MOVED:
            queue = self.hosts[host]
            entry = next(band for band in queue.bands if band).pop(0)
            self.buried.append(Letter(reason, b"", entry))
            moved += 1
            self._forget_if_empty(host)
        return [moved, len(self.hosts.get(host, ()))]

    # ---- a worker's life

    def join(self, epoch: str, layout: str = LAYOUT, *, first: bool = False) -> Reply:
        self._intact()
        if layout != LAYOUT:
            raise Refused("LAYOUT")
        if epoch in self.fenced:
            raise Refused("FENCED")
        self.workers.setdefault(epoch, Worker(self.lease_clock)).beaten = self.lease_clock
        if first:
            for other in self.workers.keys() - {epoch}:
                if other.rpartition(":")[0] == epoch.rpartition(":")[0]:
                    self.workers[other].beaten = self.lease_clock - self.silence_ms - 1
        return [self.seed_state, self.state, self.pace_id, self.to_reap()]

    def beat(self, epoch: str, number: int, increments: dict[str, int], after: int, held: int, held_sum: int) -> Reply:
        worker = self._live(epoch)
        applied = number > worker.beat
        if applied:
            worker.beat = number
            self._count(increments)
        worker.beaten = self.lease_clock
        differs = after == worker.number and (held, held_sum) != worker.digest()
        return [int(applied), self.seed_state, self.state, self.to_reap(), int(differs), len(self.suspects)]

    def leave(self, epoch: str) -> Reply:
        worker = self._live(epoch)
        moved = self._to_front([worker.leases.pop(token) for token in self._some(epoch, worker, MOST_MOVED)])
        if not worker.leases:
            del self.workers[epoch]
        return [moved, len(worker.leases)]

    def reap(self, epoch: str, *, blame: bool) -> Reply:
        self._intact()
        before = sorted(self.fencing, key=lambda name: (self.fencing[name].fenced_at, name))
        fresh = [epoch] if epoch in self.workers else self.expired() if not epoch else []
        for name in fresh:
            self.fencing[name] = self.workers.pop(name)
            self.fencing[name].blame, self.fencing[name].fenced_at = blame, self.lease_clock
            self.fenced.add(name)
        moved, left, back = 0, 0, []
        for name in [*before, *fresh] if not epoch else {epoch} & self.fencing.keys():
            worker = self.fencing[name]
            tokens = self._some(name, worker, MOST_MOVED - moved)
            blamed = worker.blame and (blame or not epoch)
            ended = [worker.leases.pop(token) for token in tokens]
            back += self._blame(ended) if blamed else ended
            moved += len(ended)
            left += len(worker.leases)
            if not worker.leases:
                del self.fencing[name]
        self._to_front(back)
        return [moved, left]

    def seed(self, epoch: str, word: str) -> Reply:
        self._live(epoch)
        mine = self.seed_state == "seeding" and self.seeder == epoch
        if word == "claim" and (self.seed_state == "unseeded" or self._orphaned()):
            self.seed_state, self.seeder, mine = "seeding", epoch, True
        elif word == "done" and mine:
            self.seed_state, self.seeder = "seeded", ""
        elif word == "abandon" and mine:
            self.seed_state, self.seeder, mine = "unseeded", "", False
        return ["seeded" if self.seed_state == "seeded" else "run" if mine else "wait"]

    # ---- a worker's numbered calls

    def numbered(self, epoch: str, number: int, act: Callable[[Worker], Reply]) -> Reply:
        """Carry out the next call, repeat the reply of one of the last eight, or refuse."""
        worker = self._live(epoch)
        if number in worker.replies:
            return worker.replies[number]
        if number != worker.number + 1:
            raise Refused("ORDER")
        reply = act(worker)
        worker.number = number
        worker.replies[number] = reply
        worker.replies.pop(number - KEPT_REPLIES, None)
        return reply

    def push(self, requests: Iterable[tuple[str, str, int, bytes]]) -> Reply:
        self._open()
        admitted, known, left_out, before = [], 0, 0, set(self.hosts)
        for index, (name, host, band, payload) in enumerate(requests):
            if name in self.seen:
                known += 1
            elif self.host_cap and self.per_host.get(host, 0) >= self.host_cap:
                left_out += 1
            else:
                self._admit(name, Entry(host, band, 0, payload))
                admitted.append(index)
        self._count({"known": known, "left_out:host_cap": left_out})
        filled = [[host, NEW] for host in self.hosts.keys() - before]
        return [len(admitted), known, left_out, admitted, filled]

    def lease(
        self, worker: Worker, epoch: str, wanted: Sequence[tuple[str, int]], *, alone: bool, done: Sequence[str] = ()
    ) -> Reply:
        """Expect a reply whose serials are those of `wake`, or NEW."""
        stale = self._finish(worker, done)
        self._promote()
        turn = self._name(worker, epoch, asks=alone)
        holds_a_suspect = bool(worker.leases) and worker.alone
        taken: list[Entry] = []
        empty: list[str] = []
        if alone:
            if turn and not worker.leases and self.room():
                taken.append(self.suspects.pop(0))
                worker.alone = True
        elif not holds_a_suspect:
            worker.alone = False
            taken, empty = self._take(wanted)
        granted = []
        for index, entry in enumerate(taken, 1):
            token = f"{worker.number + 1}.{index}"
            worker.leases[token] = entry
            granted.append([token, entry.host, entry.band, entry.losses + 128 * entry.alone, entry.payload])
        pending = [[host, serial] for host, serial in self.wake.items()]
        return [granted, [[host, NEW] for host in empty], pending, len(self.suspects), int(turn), self.room(), stale]

    def _finish(self, worker: Worker, done: Sequence[str]) -> list[str]:
        """End these leases; return the tokens that are none."""
        stale = [token for token in done if token not in worker.leases]
        for token in set(done) & set(worker.leases):
            del worker.leases[token]
            self.done += 1
        return stale

    def _name(self, worker: Worker, epoch: str, *, asks: bool) -> bool:
        """Whether this worker is the one that takes suspects; names it where nobody is, or who is does not ask."""
        if self.suspects and self.named != epoch and not self._keeps_turn():
            self.named, asks = epoch, True
        if self.named != epoch:
            return False
        if not self.suspects and not worker.leases:
            self.named = ""
        elif asks:
            self.asked = self.lease_clock
        return bool(self.suspects)

    def _keeps_turn(self) -> bool:
        return self.named in self.workers and self.lease_clock - self.asked <= self.silence_ms

    def settle(
        self,
        worker: Worker,
        done: Sequence[str] = (),
        retry: Sequence[tuple[str, int, bytes]] = (),
        dead: Sequence[tuple[str, str, bytes]] = (),
        release: Sequence[str] = (),
        expired: Sequence[str] = (),
    ) -> Reply:
        tokens = [*done, *(token for token, *_ in retry), *(token for token, *_ in dead), *release, *expired]
        stale = [token for token in tokens if token not in worker.leases]
        self._finish(worker, done)
        for token, delay, payload in retry:
            if token in worker.leases:
                entry = worker.leases.pop(token)
                self._delay(self.wall_clock + delay, entry._replace(payload=payload or entry.payload))
        for token, reason, error in dead:
            if token in worker.leases:
                self._bury(reason, error, worker.leases.pop(token))
        back = [worker.leases.pop(token) for token in release if token in worker.leases]
        given_up = [worker.leases.pop(token) for token in expired if token in worker.leases]
        self._count({"expired": len(given_up)})
        self._to_front([*back, *self._blame(given_up)])
        return [len(tokens) - len(stale), stale]

    def reconcile(self, worker: Worker, held: Sequence[str]) -> Reply:
        missing = [token for token in worker.leases if token not in set(held)]
        unknown = [token for token in held if token not in worker.leases]
        return [self._to_front([worker.leases.pop(token) for token in missing]), unknown]

    # ---- the outbox

    def woken(self, pairs: Iterable[tuple[str, int]]) -> Reply:
        self._intact()
        removed = [host for host, serial in pairs if self.wake.get(host) == serial]
        for host in removed:
            del self.wake[host]
        return [len(removed)]

    def rewoken(self, pace_id: str) -> None:
        """Expect this once `rewake` has come through."""
        self._intact()
        self.pace_id = pace_id
        self.wake.update(dict.fromkeys(self.hosts, NEW))

    # ---- arrows

    def _intact(self) -> None:
        if not self.created:
            raise Refused("NOSENTINEL")

    def _open(self) -> None:
        self._intact()
        if self.state == "closed":
            raise Refused("CLOSED")

    def _live(self, epoch: str) -> Worker:
        self._intact()
        if epoch not in self.workers:
            raise Refused("FENCED")
        return self.workers[epoch]

    def _orphaned(self) -> bool:
        return self.seed_state == "seeding" and self.seeder not in self.workers

    def _count(self, increments: dict[str, int]) -> None:
        for name, increment in increments.items():
            if increment:
                self.counters[name] = self.counters.get(name, 0) + increment

    def _admit(self, name: str, entry: Entry) -> None:
        self.seen.add(name)
        self.admitted += 1
        self.per_host[entry.host] = self.per_host.get(entry.host, 0) + 1
        self._enqueue(entry)

    def _enqueue(self, entry: Entry, *, front: bool = False) -> None:
        if entry.host not in self.hosts:
            self.hosts[entry.host] = Host()
        band = self.hosts[entry.host].bands[entry.band]
        band.insert(0 if front else len(band), entry)

    def _forget_if_empty(self, host: str) -> None:
        if not self.hosts[host]:
            del self.hosts[host]

    def _take(self, wanted: Sequence[tuple[str, int]]) -> tuple[list[Entry], list[str]]:
        """Take from each host in turn as long as pages are left; the second list names those that are empty then."""
        taken: list[Entry] = []
        empty = []
        left = self.room() if self.stop_pages else MOST_MOVED
        for host, count in wanted:
            if left <= len(taken):
                break
            here = min(count, left - len(taken), len(self.hosts.get(host, ())))
            taken += [self.hosts[host].take() for _ in range(here)]
            if host in self.hosts:
                self._forget_if_empty(host)
            if host not in self.hosts:
                empty.append(host)
        return taken, empty

    def _promote(self) -> None:
        due = sorted((item for item in self.delayed if item.due <= self.wall_clock), key=lambda i: (i.due, i.number))
        for item in due[:MOST_PROMOTED]:
            self.delayed.remove(item)
            if item.entry.alone:
                self.suspects.append(item.entry)
            else:
                self._enqueue(item.entry)

    def _delay(self, due: int, entry: Entry) -> None:
        self.delays += 1
        self.delayed.append(Delayed(due, self.delays, entry))

    def _some(self, epoch: str, worker: Worker, most: int) -> list[str]:
        """Return the leases that a call moves: all, or so many of them, and which ones Redis alone knows."""
        if len(worker.leases) <= most:
            return list(worker.leases)
        gone = [token for token in worker.leases if token not in self.still_held.get(epoch, ())]
        return gone[:most]

    def _bury(self, reason: str, error: bytes, entry: Entry) -> None:
        self.buried.append(Letter(reason, error, entry._replace(alone=False)))

    def _to_front(self, entries: Sequence[Entry]) -> int:
        """Give requests back before all others of their host, in the order in which they were leased; suspects last."""
        self.suspects += [entry for entry in entries if entry.alone]
        for entry in reversed(entries):
            if not entry.alone:
                self._enqueue(entry, front=True)
        return len(entries)

    def _blame(self, entries: Sequence[Entry]) -> list[Entry]:
        """Count a loss for each and return those that go back: what was alone at its last one is dead."""
        self._count({"losses": len(entries)})
        left = []
        for entry in entries:
            losses, was_alone = entry.losses + 1, entry.alone
            lost = entry._replace(losses=losses, alone=was_alone or losses >= (self.max_losses or 3) - 1)
            if self.max_losses == 1 or (was_alone and 0 < self.max_losses <= losses):
                self._bury("WorkerLost", b"", lost)
            else:
                left.append(lost)
        return left
