"""The store's scripts against a reference in Python: any order of calls, and after each every key is as it should be.

One step is one call of a script (or several where it takes several to come through). After each step the whole keyspace
is read, decoded and compared with the model, and the audit counts every number of the tally again. STEPS are the
steps that CI runs; MODEL_SEED=n draws others than the usual ones, MODEL_SHRINK=1 looks for the shortest failure.
"""

import os
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import pytest
import redis
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from crawlfleet_frontier import lua
from crawlfleet_frontier.calls import ScriptCall
from crawlfleet_frontier.packing import pack, unpack
from tests.frontier import audit
from tests.frontier.model import LAYOUT, NEW, Model, Refused, Worker
from tests.servers.kinds import KINDS, frontier_server

STEPS = {"redis": 10_000, "valkey": 2_000}
STEPS_AN_EXAMPLE = 100
UID = "0f4c-model"
META = f"crawlfleet:{{{UID}:0}}:meta"
HOSTS = [f"{letter}.example" for letter in "aaaabbbccdddd"] + [f"rare-{n}.example" for n in range(40)]
SILENCE_MS = 2543

Argument = bytes | str | int


@dataclass
class Life:
    """What the test remembers of one epoch: its calls, so that they can be said again."""

    epoch: str
    number: int = 0
    beats: int = 0
    sent: dict[int, tuple[ScriptCall, bytes]] = field(default_factory=dict)
    held: deque[str] = field(default_factory=lambda: deque(maxlen=20))


picks = st.integers(0, 1 << 16)
hosts = st.one_of(st.sampled_from(HOSTS[:13]), st.sampled_from(HOSTS))
elapsed = st.sampled_from([0, 0, 5, 400, 1000, 7000])
requests = st.lists(st.tuples(st.integers(1, 300), hosts, st.sampled_from([0, 3, 3, 7])), min_size=1, max_size=8)
limits = st.tuples(st.sampled_from([0, 0, 0, 150]), st.sampled_from([0, 1, 2, 2, 2, 2, 2, 3]))
SUSPECTS_FATES = ("done", "release", "leave", "reconcile", "retry", "expired", "keep")
fates = st.lists(
    st.sampled_from(["done", "done", "retry", "retry_anew", "dead", "release", "expired", "keep"]), min_size=1
)


def identity(number: int) -> str:
    """Return a signed 64-bit id as decimal text, most of them beyond 2^53."""
    return str(number * 0x9E3779B97F4A7C15 % 2**64 - 2**63 if number % 5 else number)


def with_rows(reply: list) -> list:
    """A lease's reply as the model has it: rows of token, host, band, losses, payload; pairs of host and serial."""
    entries, empty, wakes, *rest, call = reply
    ends = [2 + entry[1] for entry in entries]
    rows = [
        [b"%s.%d" % (call, index), entry[2:end], entry[0], entry[end], entry[end + 1 :]]
        for index, (entry, end) in enumerate(zip(entries, ends, strict=True), 1)
    ]
    return [rows, in_pairs(empty), in_pairs(wakes), *rest]


def in_pairs(flat: list) -> list[list]:
    return [list(pair) for pair in zip(flat[::2], flat[1::2], strict=True)]


def payload(number: int) -> bytes:
    """Return what stands for the request with this number: some short, some long: queues in records and in lists."""
    return f"https://{number}/".encode().ljust(10 + number % 7 * 15, b"x")


class Store(RuleBasedStateMachine):
    """The scripts and the model, side by side."""

    steps = 0
    events: ClassVar[Counter[str]] = Counter()
    client: redis.Redis

    def __init__(self) -> None:
        super().__init__()
        self.client.flushdb()
        self.model = Model()
        self.lives: list[Life] = []
        self.gone: list[Life] = []
        self.serial = 0
        self.closes: list[int] = []
        self.now = audit.read(self.client, META)

    # ---- calling

    def ask(self, name: str, args: list[object], *more: Argument, keys: tuple[str, ...] = ()) -> object:
        """Call a script; the reply unpacked, or the word of its error."""
        return self.send(ScriptCall(name, "store", META, (pack(args), *more), keys))

    def send(self, call: ScriptCall) -> object:
        Store.events[f"call of {call.name}"] += 1
        try:
            raw = self.run(call)
        except redis.ResponseError as error:
            return str(error).split()[0]
        assert isinstance(raw, bytes), raw
        reply = unpack(raw)
        if call.name == "push":
            return [*reply[:4], in_pairs(reply[4])]
        return with_rows(reply) if call.name == "lease" else reply

    def run(self, call: ScriptCall) -> object:
        try:
            return self.client.evalsha(*call.evalsha_arguments())
        except redis.exceptions.NoScriptError:
            return self.client.eval(*call.eval_arguments())

    def numbered(self, life: Life, name: str, args: list[object], act: Callable[[Worker], list[object]]) -> object:
        """Make the next call of this epoch; the model's view of it is `act`."""
        number = life.number + 1
        call = ScriptCall(name, "store", META, (pack(args),)).numbered(life.epoch, number)
        reply = self.send(call)
        expected = self.expect(reply, lambda: self.model.numbered(life.epoch, number, act))
        if isinstance(expected, list):
            life.number = number
            life.sent[number] = (call, pack(reply))
        return reply

    def expect(self, reply: object, act: Callable[[], list[object]], elapsed_ms: int | None = None) -> object:
        """Let the model do the same; reply, keys and numbers must agree."""
        before, self.now = self.now, audit.read(self.client, META)
        try:
            self.follow_clocks()
            self.model.still_held = self.now.leases
            expected: object = self.model.call(act)
        except Refused as refused:
            expected = refused.word
            Store.events[f"refused {refused.word}"] += 1
            assert self.now.raw == before.raw, f"{reply!r} changed something"
        self.follow_serials()
        same("reply", plain(reply, reply), plain(expected, reply))
        self.compare()
        return expected

    def unchanged(self, reply: object, expected: object) -> None:
        """Expect this reply and that nothing was written."""
        before, self.now = self.now, audit.read(self.client, META)
        assert reply == expected
        if isinstance(expected, str):
            Store.events[f"refused {expected}"] += 1
        assert self.now.raw == before.raw

    # ---- the two things that only Redis knows

    def follow_clocks(self) -> None:
        """Take the clocks over; they never go back, and no faster than what passed."""
        lease, wall = self.now.lease_clock, self.now.wall_clock
        if self.model.created:
            assert 0 <= lease - self.model.lease_clock <= 1000
            assert wall >= self.model.wall_clock
        self.model.lease_clock, self.model.wall_clock = lease, wall

    def follow_serials(self) -> None:
        """Take the serials of this call's wakes over; each is newer than all before."""
        newest = self.serial
        for host in [host for host, serial in self.model.wake.items() if serial == NEW]:
            serial = self.now.wake.get(host, NEW)
            assert serial > self.serial, f"the wake of {host}"
            self.model.wake[host] = serial
            newest = max(newest, serial)
        self.serial = newest

    # ---- comparing

    def compare(self) -> None:
        """Every key as the model has it, every number as the keys say."""
        Store.steps += 1
        now, model = self.now, self.model
        assert audit.complaints(now) == []
        workers = {**model.workers, **model.fencing}
        same("tally", {name: now.tally.get(name, 0) for name in audit.TALLY}, model.tally())
        same("seen", now.seen, model.seen if now.meta["dedupe"] == "exact" else set())
        same("hosts", now.hosts, {name: queue.bands for name, queue in model.hosts.items()})
        same("suspects", now.suspects, model.suspects)
        same("wake", now.wake, model.wake)
        same("live workers", now.live, {name: worker.beaten for name, worker in model.workers.items()})
        same("fenced workers", set(now.fencing), set(model.fencing))
        same("leases", now.leases, {name: worker.leases for name, worker in workers.items() if worker.leases})
        same("delayed", sorted(now.delayed), sorted((item.due, item.entry) for item in model.delayed))
        meta = [now.meta[name] for name in ("seed_state", "state", "pace_id", "suspect_epoch", "suspect_asked")]
        same("meta", meta, [model.seed_state, model.state, model.pace_id, model.named, str(model.asked)])
        same("counters", {name: now.counters.get(name) for name in model.counters}, model.counters)
        self.compare_letters()
        self.note_events()
        held = model.queued + len(model.delayed) + model.leased + model.done + len(model.dead)
        assert model.admitted == held, "the model itself lost a request"

    def note_events(self) -> None:
        """Note what was there to be compared."""
        now = self.now
        Store.events["requests in lists"] += any(name.startswith("q:") for name in now.keys)
        Store.events["several buckets of ids"] += "s:1" in now.keys
        Store.events["several buckets of hosts"] += "h:1" in now.keys
        Store.events["suspects"] += bool(now.suspects)
        Store.events["delayed"] += bool(now.delayed)
        Store.events["over the host's cap"] += "left_out:host_cap" in now.counters
        Store.events["dead by losses"] += any(letter.reason == "WorkerLost" for letter in now.dead.values())
        Store.events["closed"] += now.meta["state"] == "closed"

    def compare_letters(self) -> None:
        """Compare the dead letters; those of lost workers say in their own words what happened."""
        for letter in self.now.dead.values():
            if letter.reason == "WorkerLost":
                assert letter.error
                letter.error = b""
        new = {name: letter for name, letter in self.now.dead.items() if name not in self.model.dead}
        assert sorted(map(repr, new.values())) == sorted(map(repr, self.model.buried))
        self.model.dead |= new
        self.model.buried = []
        assert self.now.dead == self.model.dead

    # ---- rules: the operator

    @initialize(
        limits=limits,
        host_cap=st.sampled_from([0, 12]),
        seed_state=st.sampled_from(["unseeded", "seeded"]),
        dedupe=st.sampled_from(["exact", "exact", "bloom"]),
    )
    def create(self, limits: tuple[int, int], host_cap: int, seed_state: str, dedupe: str) -> None:
        stop, losses = limits
        for _ in range(2):
            reply = self.ask(
                "create", [UID, LAYOUT, seed_state, dedupe, 100_000, 7, host_cap, stop, losses, SILENCE_MS]
            )
            self.expect(reply, lambda: self.model.create(seed_state, host_cap, stop, losses, SILENCE_MS))
        for _ in range(2):
            self.join()
        self.push_many(stop, producer=True)

    @rule(pick=picks, word=st.sampled_from(["configure", "snapshot", "close", "close", "block", "rewake"]))
    def operate(self, word: str, pick: int) -> None:
        """One of the operator's words; a job that was closed is opened again soon."""
        getattr(self, word)(pick)

    def configure(self, pick: int) -> None:
        host_cap, stop, losses = ((9, 12, 20)[pick % 3], (0, 0, 150)[pick // 3 % 3], (2, 2, 3)[pick // 9 % 3])
        wanted = (host_cap if self.model.host_cap else 0, stop, losses)
        self.expect(self.ask("configure", [*wanted]), lambda: self.model.configure(*wanted))

    @rule(passed=st.sampled_from([0, 10, 300, 1000, 3000, 60_000, -3_600_000]), said=elapsed)
    def time_passes(self, passed: int, said: int) -> None:
        audit.let_pass(self.client, META, passed)
        self.now = before = audit.read(self.client, META)
        lease, wall = (int(before.meta[name]) for name in ("lease_last", "last"))
        earliest = self.redis_time()
        self.expect(self.ask("tick", [said]), self.model.tick)
        latest = self.redis_time()
        moved = self.model.lease_clock - before.lease_clock
        assert clamp(earliest - lease, 1000) <= moved <= clamp(latest - lease, 1000)
        moved = self.model.wall_clock - before.wall_clock
        assert clamp(earliest - wall, said) <= moved <= clamp(latest - wall, said)

    def redis_time(self) -> int:
        seconds, micros = self.client.time()
        return int(seconds) * 1000 + int(micros) // 1000

    @rule(pick=picks, how=st.sampled_from(["leave", "silent", "silent", "named", "named_blamed", "nobody"]))
    def worker_ends(self, how: str, pick: int) -> None:
        if how == "leave":
            self.leave(pick)
        elif how in {"silent", "nobody"}:
            self.fall_silent(pick if how == "silent" else -1)
            self.reap("", blame=True)
        elif self.lives:
            self.reap(self.life(pick).epoch, blame=how == "named_blamed")

    def fall_silent(self, pick: int) -> None:
        """One worker does not beat for too long, the others do."""
        holders = [at for at, life in enumerate(self.lives) if self.model.workers[life.epoch].leases] or [0]
        for _ in range(3):
            audit.let_pass(self.client, META, 1000)
            for at in range(len(self.lives)):
                if pick < 0 or at != holders[pick % len(holders)]:
                    self.beat(at, again=at % 2 == 0, increments={}, off=0)
        audit.let_pass(self.client, META, 1000)
        self.now = audit.read(self.client, META)
        self.expect(self.ask("tick", [1000]), self.model.tick)

    def reap(self, epoch: str, *, blame: bool) -> None:
        self.expect(self.ask("reap", [epoch, int(blame)]), lambda: self.model.reap(epoch, blame=blame))
        self.bury()

    def leave(self, pick: int) -> None:
        if self.lives:
            epoch = self.life(pick).epoch
            self.expect(self.ask("leave", [], epoch), lambda: self.model.leave(epoch))
            self.bury()

    @rule(pick=picks, count=st.integers(1, 3))
    def replay(self, pick: int, count: int) -> None:
        ids = sorted(self.model.dead, key=stream_order)
        chosen = ids[pick % len(ids) :][:count] if ids else []
        reply = self.ask("replay", [[*chosen, "99-1"]])
        self.expect(reply, lambda: self.model.replay([*chosen, "99-1"]))

    def block(self, pick: int) -> None:
        host = HOSTS[pick % len(HOSTS)]
        self.expect(self.ask("block", [host, "Blocked"]), lambda: self.model.block(host, "Blocked"))

    def close(self, pick: int) -> None:
        admitted = self.model.admitted + (pick % 3 == 0)
        self.expect(self.ask("close", [admitted]), lambda: self.model.close(admitted))

    @precondition(lambda self: self.model.state == "closed")
    @rule()
    def reopen(self) -> None:
        for _ in range(2):
            self.expect(self.ask("reopen", []), self.model.reopen)

    def snapshot(self, _: int) -> None:
        reply = self.ask("snapshot", [""])
        self.unchanged(reply, reply)
        assert isinstance(reply, list)
        look = audit.Look.of(reply)
        assert look.tally == self.model.tally()
        assert look.wakes == len(self.model.wake)
        assert look.due == sum(item.due <= self.model.wall_clock for item in self.model.delayed)
        workers = self.model.workers.items()
        assert look.workers == {
            name: (self.model.lease_clock - worker.beaten, len(worker.leases)) for name, worker in workers
        }
        Store.steps += 1

    @precondition(lambda self: self.lives and self.model.queued + self.model.leased > 20)
    @rule(pick=picks)
    def finish(self, pick: int) -> None:
        """One worker does all that is left, and the job is closed: pushes are refused then."""
        life = self.life(pick)
        for other in [other for other in self.lives if other is not life]:
            self.leave(self.lives.index(other))
        self.reap("", blame=True)
        if life not in self.lives:
            return
        for word in ("claim", "done"):
            self.expect(self.ask("seed", [word], life.epoch), lambda word=word: self.model.seed(life.epoch, word))
        self.work_off(life)
        for off in (1, 0):
            admitted = self.model.admitted + off
            self.expect(self.ask("close", [admitted]), lambda admitted=admitted: self.model.close(admitted))
        batch = [("4711", "a.example", 3, b"too late")]
        if self.model.state == "closed":
            self.admit(pick, batch, producer=True)
            self.admit(pick, batch, producer=False)
            self.reopen()

    def work_off(self, life: Life) -> None:
        """Lease and settle until nothing is left, or nothing may be leased."""
        for _ in range(12):
            audit.let_pass(self.client, META, 30_000)
            self.now = audit.read(self.client, META)
            wanted = dict.fromkeys(list(self.model.hosts)[:40], 12)
            self.grant(life, wanted, alone=not wanted, said=30_000)
            self.end(life, done=list(self.model.workers[life.epoch].leases), said=0)
            if not (self.model.queued or self.model.delayed) or not self.model.room():
                return

    # ---- rules: a worker's life

    @precondition(lambda self: len(self.lives) < 4)
    @rule()
    def join(self) -> None:
        life = Life(f"pod-{len(self.lives) + len(self.gone)}:{len(self.gone)}")
        self.lives.append(life)
        self.expect(self.ask("join", [LAYOUT, 0], life.epoch), lambda: self.model.join(life.epoch))

    @precondition(lambda self: self.lives)
    @rule(pick=picks, reaps=st.booleans())
    def begin_again(self, pick: int, reaps: bool) -> None:
        """A process begins where another one lived: that one has ended."""
        place = self.life(pick).epoch.rpartition(":")[0]
        life = Life(f"{place}:{len(self.lives) + len(self.gone)}.{pick % 7}")
        if life.epoch in {*self.model.workers, *self.model.fenced} or len(self.lives) > 5:
            return
        self.lives.append(life)
        self.expect(self.ask("join", [LAYOUT, 1], life.epoch), lambda: self.model.join(life.epoch, first=True))
        Store.events["begun again"] += 1
        if reaps:
            self.reap("", blame=True)

    @precondition(lambda self: self.lives)
    @rule(pick=picks, layout=st.sampled_from([LAYOUT, "frontier/0"]))
    def join_again(self, pick: int, layout: str) -> None:
        epoch = self.life(pick).epoch
        self.expect(self.ask("join", [layout, 0], epoch), lambda: self.model.join(epoch, layout))

    @precondition(lambda self: self.lives)
    @rule(
        pick=picks,
        again=st.booleans(),
        increments=st.dictionaries(st.sampled_from(["items", "pages:2xx"]), picks),
        off=picks,
    )
    def beat(self, pick: int, again: bool, increments: dict[str, int], off: int) -> None:
        life = self.life(pick)
        life.beats += 0 if again and life.beats else 1
        worker = self.model.workers[life.epoch]
        held, held_sum = worker.digest()
        after, held, held_sum = max(0, life.number - (off % 7 == 1)), held + (off % 7 == 2), held_sum + (off % 7 == 3)
        flat = [part for pair in increments.items() for part in pair]
        reply = self.ask("beat", ['{"phase":"running"}', flat, after, held, held_sum], life.epoch, life.beats)
        self.expect(reply, lambda: self.model.beat(life.epoch, life.beats, increments, after, held, held_sum))

    @precondition(lambda self: self.lives)
    @rule(pick=picks, word=st.sampled_from(["claim", "claim", "done", "abandon"]))
    def seeds(self, pick: int, word: str) -> None:
        epoch = self.life(pick).epoch
        self.expect(self.ask("seed", [word], epoch), lambda: self.model.seed(epoch, word))

    # ---- rules: a worker's work

    @rule(pick=picks, wanted=requests, producer=st.sampled_from([True, False, False]))
    def push(self, pick: int, wanted: list[tuple[int, str, int]], producer: bool) -> None:
        self.admit(pick, [(identity(n), host, band, payload(n)) for n, host, band in wanted], producer)

    @precondition(lambda self: self.model.queued < 100)
    @rule(pick=picks, producer=st.booleans())
    def push_many(self, pick: int, producer: bool) -> None:
        numbers = [1000 + (pick * 7 + n * 3) % 2000 for n in range(100)]
        self.admit(pick, [(identity(n), HOSTS[n % len(HOSTS)], n % 8, payload(n)) for n in numbers], producer)

    def admit(self, pick: int, batch: list[tuple[str, str, int, bytes]], producer: bool) -> None:
        args: list[object] = [[part for request in batch for part in request], "", []]
        if producer or not self.lives:
            reply = self.ask("push", args, "", 0)
            self.expect(reply, lambda: self.model.push(batch))
        else:
            reply = self.numbered(self.life(pick), "push", args, lambda _: self.model.push(batch))
        if isinstance(reply, list):
            told = {text(host): serial for host, serial in reply[4]}
            assert told.items() <= self.model.wake.items(), "the wake-ups told are those in the outbox"

    @precondition(lambda self: self.lives)
    @rule(
        pick=picks,
        wanted=st.dictionaries(hosts, st.integers(1, 12), min_size=1),
        alone=st.sampled_from([False, False, False, True]),
        said=elapsed,
    )
    def lease(self, pick: int, wanted: dict[str, int], alone: bool, said: int) -> None:
        self.grant(self.life(pick), wanted, alone=alone, said=said)

    @precondition(lambda self: self.lives)
    @rule(pick=picks, count=st.integers(1, 20), said=elapsed, done=st.integers(0, 12))
    def lease_what_is_there(self, pick: int, count: int, said: int, done: int) -> None:
        """As a worker does: hosts that have something; a suspect alone where it is this worker's turn."""
        life = self.life(pick)
        held = list(self.model.workers[life.epoch].leases)
        alone = self.model.named == life.epoch and len(held) <= done
        wanted = dict.fromkeys(list(self.model.hosts)[pick % 5 :][:4], count)
        stale = [token for token in life.held if token not in held][: pick % 3]
        self.grant(life, wanted, alone=alone, said=said, done=[*stale, *held[:done]])

    @precondition(lambda self: self.lives and self.model.suspects)
    @rule(pick=picks, fate=st.sampled_from(SUSPECTS_FATES), more=st.booleans())
    def take_a_suspect(self, pick: int, fate: str, more: bool) -> None:
        """The worker that is named finishes what it holds and takes one alone; meanwhile it is given nothing else."""
        live = [life for life in self.lives if life.epoch == self.model.named]
        life = live[0] if live else self.life(pick)
        self.end(life, done=list(self.model.workers[life.epoch].leases), said=0)
        self.grant(life, {}, alone=True, said=0)
        if more:
            self.grant(life, dict.fromkeys(list(self.model.hosts)[:3], 5), alone=False, said=0)
        leases = self.model.workers[life.epoch].leases
        held, taken = list(leases), [entry for entry in leases.values() if entry.alone]
        if fate == "retry":
            self.end(life, retry=[(token, 0, b"") for token in held], said=0)
        elif fate == "leave":
            self.leave(self.lives.index(life))
        elif fate == "reconcile":
            self.reconcile(self.lives.index(life), set(range(20)), unknown=False)
        elif fate != "keep":
            self.end(life, said=0, **{fate: held})
        Store.events["suspects back"] += any(entry in self.model.suspects for entry in taken)

    @precondition(lambda self: len(self.lives) > 1 and self.model.suspects and self.model.named in self.model.workers)
    @rule(pick=picks, keeps=st.booleans())
    def take_the_turn(self, pick: int, keeps: bool) -> None:
        """Who is named lives and beats, and asks or does not ask; another one asks."""
        [named] = [life for life in self.lives if life.epoch == self.model.named]
        other = next(life for life in self.lives[pick % len(self.lives) :] + self.lives if life is not named)
        self.fall_silent(-1)
        if keeps:
            self.grant(named, {}, alone=True, said=0)
        self.grant(other, {}, alone=pick % 2 == 0, said=0)

    def grant(self, life: Life, wanted: dict[str, int], *, alone: bool, said: int, done: Sequence[str] = ()) -> None:
        pairs, named = list(wanted.items()), self.model.named
        reply = self.numbered(
            life,
            "lease",
            [[list(pair) for pair in pairs], int(alone), said, done],
            lambda worker: self.model.lease(worker, life.epoch, pairs, alone=alone, done=done),
        )
        if isinstance(reply, list):
            life.held.extend(text(token) for token, *_ in reply[0])
            self.check_serials(reply)
            Store.events["suspects leased"] += alone and len(reply[0])
            Store.events["turns lapsed"] += named in self.model.workers and self.model.named not in {named, ""}
            Store.events["no room left"] += reply[5] == 0
            Store.events["done on the way"] += len(done) - len(reply[6])

    @precondition(lambda self: self.lives)
    @rule(pick=picks, fates=fates, delay=st.sampled_from([0, 300, 20_000]), foreign=picks, said=elapsed)
    def settle(self, pick: int, fates: list[str], delay: int, foreign: int, said: int) -> None:
        life = self.life(pick)
        ended: dict[str, list[str]] = {}
        held = list(self.model.workers[life.epoch].leases)
        for token, fate in zip(held, fates, strict=False):
            ended.setdefault(fate, []).append(token)
        stale = [token for token in life.held if token not in held][: foreign % 3]
        done = [*ended.get("done", []), *stale]
        retry = [(t, delay, b"") for t in ended.get("retry", [])] + [
            (t, delay + 1, b"anew:" + t.encode()) for t in ended.get("retry_anew", [])
        ]
        dead = [(token, "Timeout", b"it took too long") for token in ended.get("dead", [])]
        self.end(life, done, retry, dead, ended.get("release", []), ended.get("expired", []), said=said)
        Store.events["stale tokens"] += len(stale)

    def end(
        self,
        life: Life,
        done: Sequence[str] = (),
        retry: Sequence[tuple[str, int, bytes]] = (),
        dead: Sequence[tuple[str, str, bytes]] = (),
        release: Sequence[str] = (),
        expired: Sequence[str] = (),
        *,
        said: int,
    ) -> None:
        self.numbered(
            life,
            "settle",
            [done, [list(r) for r in retry], [list(d) for d in dead], release, expired, said],
            lambda worker: self.model.settle(worker, done, retry, dead, release, expired),
        )

    @precondition(lambda self: any(self.model.workers[life.epoch].leases for life in self.lives))
    @rule(pick=picks, fates=fates, delay=st.sampled_from([0, 300]))
    def settle_what_is_held(self, pick: int, fates: list[str], delay: int) -> None:
        holders = [at for at, life in enumerate(self.lives) if self.model.workers[life.epoch].leases]
        self.settle(holders[pick % len(holders)], fates * 10, delay, 0, 0)

    @precondition(lambda self: self.lives)
    @rule(pick=picks, forget=st.sets(st.integers(0, 10)), unknown=st.booleans())
    def reconcile(self, pick: int, forget: set[int], unknown: bool) -> None:
        life = self.life(pick)
        leases = self.model.workers[life.epoch].leases
        held = [token for at, token in enumerate(leases) if at not in forget] + ["999999.1"] * unknown
        self.numbered(life, "reconcile", [held], lambda worker: self.model.reconcile(worker, held))

    # ---- rules: words that come twice, too early, too late

    @precondition(lambda self: self.lives)
    @rule(
        pick=picks,
        odd=st.sampled_from(["again", "again", "early", "late", "late_again", "emptied"]),
        by=st.integers(0, 10),
    )
    def out_of_turn(self, pick: int, odd: str, by: int) -> None:
        script = sorted(EMPTY)[pick % len(EMPTY)]
        getattr(self, f"say_{odd}")(pick, script if odd == "emptied" else WORKERS_WORDS[pick % len(WORKERS_WORDS)], by)
        Store.steps += 1

    def say_again(self, pick: int, _: str, back: int) -> None:
        """A reply was lost; or a call comes back from long ago."""
        life = self.life(pick)
        number = max(1, life.number - back)
        if number in life.sent:
            call, reply = life.sent[number]
            self.unchanged(self.send(call), unpack(reply) if life.number - number < 8 else "ORDER")

    def say_early(self, pick: int, script: str, ahead: int) -> None:
        """A call before it was lost or refused."""
        if script in NUMBERED:
            life = self.life(pick)
            self.unchanged(self.ask(script, EMPTY[script], life.epoch, life.number + 2 + ahead), "ORDER")

    def say_late(self, pick: int, script: str, _: int) -> None:
        """The words of an epoch that was fenced, or has left, change nothing."""
        if self.gone:
            life = self.gone[pick % len(self.gone)]
            self.unchanged(self.ask(script, EMPTY[script], life.epoch, life.number + 1), "FENCED")

    def say_late_again(self, pick: int, _: str, __: int) -> None:
        """Not even the last call of such an epoch is answered again."""
        talked = [life for life in self.gone if life.sent]
        if talked:
            life = talked[pick % len(talked)]
            self.unchanged(self.send(life.sent[life.number][0]), "FENCED")

    def say_emptied(self, pick: int, script: str, _: int) -> None:
        """The sentinel is gone: whatever is said is refused; then the test puts it back."""
        sentinel = self.client.dump(META)
        self.client.delete(META)
        before = audit.read(self.client, META).raw
        life = self.life(pick)
        assert self.ask(script, EMPTY[script], life.epoch, life.number + 1) == "NOSENTINEL"
        Store.events["refused NOSENTINEL"] += 1
        assert audit.read(self.client, META).raw == before
        self.client.restore(META, 0, sentinel)

    # ---- rules: the outbox

    @rule(pick=picks, old=st.booleans())
    def woken(self, pick: int, old: bool) -> None:
        wakes = [(host, serial - old) for host, serial in self.model.wake.items()][: pick % 5]
        self.expect(self.ask("woken", [[list(wake) for wake in wakes]]), lambda: self.model.woken(wakes))

    def rewake(self, pick: int) -> None:
        cursor: object = 0
        for _ in range(100):
            reply = self.ask("rewake", [f"pace-{pick % 2}", cursor])
            assert isinstance(reply, list)
            cursor = reply[0]
            if not int(cursor):
                break
        self.expect([0], lambda: [self.model.rewoken(f"pace-{pick % 2}") or 0])

    # ---- helpers

    def life(self, pick: int) -> Life:
        return self.lives[pick % len(self.lives)]

    def bury(self) -> None:
        """Move those that the model knows no more (or as fenced) to the ones whose words are stale."""
        for life in [life for life in self.lives if life.epoch not in self.model.workers]:
            self.lives.remove(life)
            self.gone.append(life)

    def check_serials(self, reply: list[object]) -> None:
        """What a lease says of empty hosts is newer than every wake before; pending wakes are as in the outbox."""
        _, empty, pending, *_ = reply
        assert isinstance(empty, list)
        assert isinstance(pending, list)
        for host, serial in empty:
            assert serial > self.model.wake.get(text(host), 0), f"{host} is reported empty before its last wake"
            self.serial = max(self.serial, serial)
        assert {text(host): serial for host, serial in pending} == self.model.wake


NUMBERED = ("push", "lease", "settle", "reconcile")
WORKERS_WORDS = (*NUMBERED, "beat", "leave", "seed")
EMPTY: dict[str, list[object]] = {
    "push": [["77", HOSTS[0], 3, "https://a.example/"], "", []],
    "lease": [[[HOSTS[0], 5]], 0, 0, ["1.1"]],
    "settle": [["1.1"], [], [], [], [], 0],
    "reconcile": [[]],
    "beat": ["{}", ["items", 3], 0, 0, 0],
    "leave": [],
    "seed": ["claim"],
    "reap": ["", 1],
    "tick": [0],
    "close": [0],
    "replay": [["1-1"]],
    "woken": [[["a.example", 1]]],
    "snapshot": [""],
}


def same(what: str, found: object, expected: object) -> None:
    """Fail in few words where the store has something else than the model (pytest would compare for minutes)."""
    if found == expected:
        return
    if isinstance(found, dict) and isinstance(expected, dict):
        wrong = [key for key in {**found, **expected} if found.get(key) != expected.get(key)]
        found, expected = ({key: side.get(key) for key in wrong[:2]} for side in (found, expected))
    pytest.fail(f"{what}: the store has {str(found)[:1000]}, the model {str(expected)[:1000]}")


def clamp(milliseconds: int, most: int) -> int:
    return max(0, min(milliseconds, most))


def text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def stream_order(name: str) -> tuple[int, int]:
    milliseconds, _, number = name.partition("-")
    return int(milliseconds), int(number)


def plain(value: object, reply: object) -> object:
    """Make replies comparable: text as bytes, and of the hosts of a lease and of a push only which they are."""
    if isinstance(value, list) and isinstance(reply, list) and len(reply) == 5 and isinstance(reply[4], list):
        *numbers, filled = value
        return [as_bytes(numbers), sorted(as_bytes([host for host, _ in filled]))]
    if isinstance(value, list) and isinstance(reply, list) and len(reply) == 7 and isinstance(reply[0], list):
        granted, empty, _, *rest = value
        return [as_bytes(granted), sorted(as_bytes([host for host, _ in empty])), as_bytes(rest)]
    return as_bytes(value)


def as_bytes(value: object) -> object:
    if isinstance(value, list | tuple):
        return [as_bytes(part) for part in value]
    return value.encode() if isinstance(value, str) else value


@pytest.fixture(scope="module", params=KINDS)
def server(request):
    with frontier_server(request.param) as running:
        running.kind = request.param
        yield running


@pytest.fixture
def store(server):
    Store.client = server.client(decode_responses=False)
    store = Store()
    store.create((0, 3), 0, "seeded", "exact")
    return store


EXPECTED = {
    *(f"call of {name}" for name in lua.script_names("store")),
    *(f"refused {word}" for word in ("FENCED", "CLOSED", "LAYOUT", "ORDER", "NOSENTINEL")),
    *("begun again", "no room left", "stale tokens"),
    "done on the way",
    *("requests in lists", "several buckets of ids"),
    *("several buckets of hosts", "delayed", "over the host's cap", "closed"),
}
"""What every run meets; `test_suspects_come_back_die_and_their_turn_lapses` goes where only some runs come."""


def test_the_scripts_do_what_the_model_does(server, capsys):
    Store.client, Store.steps, Store.events = server.client(decode_responses=False), 0, Counter()
    wanted = STEPS[server.kind]
    profile = settings(
        max_examples=wanted // STEPS_AN_EXAMPLE,
        stateful_step_count=STEPS_AN_EXAMPLE,
        deadline=None,
        derandomize="MODEL_SEED" not in os.environ,
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, *([Phase.shrink] if "MODEL_SHRINK" in os.environ else [])],
    )
    machine = seed(int(os.environ["MODEL_SEED"]))(Store) if "MODEL_SEED" in os.environ else Store
    started = time.monotonic()
    run_state_machine_as_test(machine, settings=profile)
    with capsys.disabled():
        events = ", ".join(f"{name} {count}" for name, count in sorted(Store.events.items()))
        sys.stdout.write(f"\n{Store.steps} steps in {time.monotonic() - started:.0f} s: {events}\n")
    assert Store.steps >= wanted
    if wanted == max(STEPS.values()):
        assert {name for name in EXPECTED if not Store.events[name]} == set(), "the steps did not meet these"


def batch(first: int, count: int, host: str, band: int = 3) -> list[tuple[str, str, int, bytes]]:
    return [(identity(n), host, band, payload(n)) for n in range(first, first + count)]


@pytest.mark.parametrize("end", ["blamed", "forgiven", "leave"])
def test_more_leases_than_a_call_moves_go_in_several(store, end):
    life = store.life(0)
    for first in range(5000, 6100, 220):
        store.admit(0, batch(first, 220, f"h{first}.example", first % 8), producer=False)
    for _ in range(3):
        store.grant(life, {f"h{first}.example": 100 for first in range(5000, 6100, 220)}, alone=False, said=0)
    assert store.model.leased > 1000
    while store.model.leased:
        if end == "leave":
            store.expect(store.ask("leave", [], life.epoch), lambda: store.model.leave(life.epoch))
        else:
            store.reap(life.epoch if store.model.leased > 1000 else "", blame=end == "blamed")
            store.unchanged(store.ask("seed", ["claim"], life.epoch), "FENCED")
    assert bool(store.model.counters.get("losses")) is (end == "blamed")


def test_suspects_come_back_die_and_their_turn_lapses(store):
    met = {"suspects leased", "suspects back", "turns lapsed", "dead by losses"}
    before = {name: Store.events[name] for name in met}
    store.admit(0, batch(4000, 40, "suspect.example"), producer=True)
    for _ in range(2):
        life = store.life(0)
        store.grant(life, {"suspect.example": 40}, alone=False, said=0)
        store.reap(life.epoch, blame=True)
    assert len(store.model.suspects) == 40
    for fate in SUSPECTS_FATES:
        while len(store.lives) < 3:
            store.join()
        store.take_a_suspect(0, fate, more=True)
        for keeps in (False, True):
            store.grant(store.life(0), {}, alone=True, said=0)
            store.take_the_turn(1, keeps=keeps)
    assert {name for name in met if Store.events[name] == before[name]} == set()


def test_a_host_with_more_requests_than_a_segment_holds(store):
    life = store.life(0)
    for first in range(0, 10_500, 500):
        store.admit(0, batch(10_000 + first, 500, "hot.example"), producer=True)
    store.grant(life, {"hot.example": 300}, alone=False, said=0)
    store.admit(0, batch(30_000, 400, "hot.example"), producer=True)
    store.end(life, release=list(store.model.workers[life.epoch].leases)[::2], said=0)
    assert sum(name.startswith("q:hot.example:3:") for name in store.now.keys) >= 2
    while "hot.example" in store.model.hosts:
        store.grant(life, {"hot.example": 500}, alone=False, said=0)
        store.end(life, done=list(store.model.workers[life.epoch].leases)[:500], said=0)


@pytest.mark.parametrize("count", [15, 16, 33])
def test_every_sixteenth_lease_of_a_host_is_of_its_last_band(store, count):
    store.admit(0, [*batch(4000, 60, "aged.example", 0), *batch(4100, 60, "aged.example", 7)], producer=True)
    store.grant(store.life(0), {"aged.example": count}, alone=False, said=0)
    bands = [entry.band for entry in store.model.workers[store.life(0).epoch].leases.values()]
    assert bands == [7 if n % 16 == 0 else 0 for n in range(1, count + 1)]


def test_a_poison_page_is_dead_after_its_losses_and_its_neighbours_are_done(store):
    """Whoever holds the third page dies; nobody else may be lost for it."""
    store.admit(0, batch(4000, 9, "poison.example"), producer=True)
    for _ in range(12):
        if not store.lives:
            store.join()
        life = store.life(0)
        leases = store.model.workers[life.epoch].leases
        store.grant(life, {"poison.example": 9}, alone="poison.example" not in store.model.hosts, said=0)
        if payload(4003) in [entry.payload for entry in leases.values()]:
            store.reap(life.epoch, blame=True)
        elif leases:
            store.end(life, done=list(leases), said=0)
    letters = [(letter.reason, letter.entry.payload, letter.entry.losses) for letter in store.model.dead.values()]
    assert (letters, store.model.done) == ([("WorkerLost", payload(4003), 3)], 8)
