"""Does the pace hold whatever workers, clocks, replies and policies do? A stateful comparison with a plain reference.

The reference keeps, per host, what a careful reader of docs/frontier.md would: open slots, the upper bound of the last
arrival, back-off, Crawl-delay, Retry-After, the serials. It is applied in the order that the exchange's contract names.
"""

import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from crawlfleet_frontier.pace import calls, replies
from crawlfleet_frontier.pace.calls import Ask, Close, Hold, HostSerial, Outcome, Override, Take
from tests.frontier.test_pace_store import KEYS, OPEN, RUN, SEND_WINDOW, Pace
from tests.servers.redis import redis_server

EXAMPLES, STEPS = int(os.environ.get("PACE_EXAMPLES", "80")), 60
HOUR, DAY = 3_600_000, 86_400_000
HOSTS = ["a.x.example", "b.x.example", "c.example", "d.example"]
PODS = ["pod-a", "pod-b", "pod-c"]
POLICIES: list[tuple[int, int, tuple[Override, ...]]] = [
    (1000, 1, ()),
    (250, 1, (Override("*.x.example", 5000), Override("a.x.example", 100, 2))),
    (0, 4, (Override("*.x.example", 700, 1),)),
    (0, 1, ()),
    (50, 3, (Override("c.example", blocked=True), Override("*.x.example", 0, 8))),
    (10_000, 2, (Override("d.example", 20, 1),)),
    (0, 6, (Override("d.example", 400, 2),)),
    (0, 9, ()),
]


@dataclass
class Host:
    """What the reference knows of one host."""

    open: int = 0
    base: int = 0
    floor: int = 0
    backoff: int = 0
    raised: int = 0
    crawl: int = 0
    want: int = 0
    idle: int = 0
    moved: bool = False
    """Its base is the moment of a grant of this very call."""
    loose: bool = False
    """The limit was raised above one while a slot was open: the store may wait longer than the reference."""


@dataclass
class Open:
    """A grant that the reference knows to be open."""

    host: str
    slots: int
    at: int
    deadline: int
    several: bool
    epoch: str


@dataclass
class Record:
    """One host's record as it stands in Redis."""

    base: int
    floor: int
    asked: int
    raised: int
    want: int
    idle: int
    backoff: int
    crawl: int
    delay: int
    serial: int
    open: int
    limit: int
    block: int

    @classmethod
    def read(cls, packed: bytes) -> "Record":
        sizes, values, place = (6, 6, 6, 6, 7, 7, 4, 4, 4, 4, 2, 2, 1), [], 0
        for size in sizes:
            values.append(int.from_bytes(packed[place : place + size], "big"))
            place += size
        assert place == len(packed)
        return cls(*values)


@dataclass
class Worker:
    """A process: its epoch, and what it holds."""

    pod: str
    life: int = 1
    wall: int | None = None
    """The wall clock at its last call; None before the first."""
    open: dict[str, replies.Grant] = field(default_factory=dict)
    sent: list[tuple[calls.ScriptCall, bytes]] = field(default_factory=list)

    @property
    def epoch(self) -> str:
        return f"{self.pod}:{self.life}"


@dataclass
class Reference:
    """The whole store, in plain words."""

    policy: tuple[int, int, tuple[Override, ...]]
    wall: int
    owed: int = 0
    """What TIME has passed and the wall clock has not, in µs."""
    run: str = RUN
    restarted: int = 0
    hosts: dict[str, Host] = field(default_factory=lambda: {host: Host() for host in HOSTS})
    grants: dict[str, Open] = field(default_factory=dict)

    @property
    def latest(self) -> int:
        """Where the wall clock may yet come to stand for this moment."""
        return self.wall + -(-self.owed // 1000)

    def rules(self, host: str) -> tuple[int, int, bool]:
        delay, limit, overrides = self.policy
        fitting = [o for o in overrides if o.pattern == host or (o.pattern[0] == "*" and host.endswith(o.pattern[1:]))]
        if not fitting:
            return delay, limit, False
        best = max(fitting, key=lambda o: (o.pattern == host, len(o.pattern)))
        return (
            delay if best.delay_ms < 0 else best.delay_ms,
            limit if best.open_requests < 0 else best.open_requests,
            best.blocked,
        )

    def delay(self, name: str) -> int:
        return max(self.rules(name)[0], self.hosts[name].crawl, self.hosts[name].backoff)

    def next(self, name: str) -> int:
        host, delay = self.hosts[name], self.delay(name)
        quiet = self.restarted + 2 * SEND_WINDOW + delay if self.restarted else 0
        return max(host.base + delay, host.floor, quiet)

    def waiting(self, name: str) -> bool:
        host = self.hosts[name]
        return host.want > host.idle and host.open < self.rules(name)[1] and not self.rules(name)[2]

    def finish(self, token: str, moment: int | None) -> None:
        grant = self.grants.pop(token)
        host = self.hosts[grant.host]
        host.open -= grant.slots
        if moment is not None and (self.rules(grant.host)[1] == 1 or grant.several):
            host.base = max(host.base, moment)

    def learn(self, name: str, sent: int, close: Close) -> None:
        host, least = self.hosts[name], max(1000, self.rules(name)[0])
        if close.crawl_delay_ms >= 0:
            host.crawl = close.crawl_delay_ms
        if close.retry_after_ms:
            host.floor = max(host.floor, self.latest + min(close.retry_after_ms, DAY))
        if sent < host.raised:
            return
        if close.outcome is Outcome.SLOW_DOWN:
            host.backoff, host.raised = min(600_000, 2 * max(host.backoff, least)), self.wall
        elif close.outcome is Outcome.SUCCESS:
            host.backoff = host.backoff // 2 if host.backoff // 2 >= least else 0

    def close(self, close: Close) -> None:
        grant = self.grants.get(close.token)
        if grant:
            self.finish(close.token, max(self.latest - close.age_ms, grant.at) if close.age_ms >= 0 else None)
            self.learn(grant.host, grant.at, close)
        elif close.token.startswith("host:"):
            self.lengthen(close.token.removeprefix("host:"), close)

    def lengthen(self, name: str, close: Close) -> None:
        host = self.hosts[name]
        if close.age_ms >= 0:
            host.base = max(host.base, self.latest - close.age_ms)
        outcome = close.outcome if close.outcome is Outcome.SLOW_DOWN else Outcome.NONE
        crawl = max(host.crawl, close.crawl_delay_ms)
        self.learn(name, self.wall, close._replace(outcome=outcome, crawl_delay_ms=crawl))

    def hold(self, hold: Hold, allowed: int) -> None:
        grant = self.grants.get(hold.token)
        if grant is None or grant.deadline <= self.wall:
            assert allowed == 0
            return
        if hold.slots == 0:
            assert allowed == 0
            self.finish(hold.token, self.latest)
            return
        kept = min(hold.slots, grant.slots)
        host, (_, limit, blocked) = self.hosts[grant.host], self.rules(grant.host)
        host.open -= grant.slots - kept
        grant.slots = kept
        assert allowed <= max(0, min(kept, limit - (host.open - kept)))
        assert allowed == 0 or (grant.several and self.delay(grant.host) == 0 and not blocked)
        if allowed:
            grant.at, grant.deadline = self.wall, self.latest + SEND_WINDOW + OPEN
        if grant.several:
            host.base = max(host.base, self.latest)

    def expire(self) -> None:
        for token, grant in list(self.grants.items()):
            if grant.deadline <= self.wall:
                self.finish(token, grant.deadline)

    def give(self, epoch: str, grant: replies.Grant, horizon: int) -> None:
        host, (_, limit, blocked), at = self.hosts[grant.host], self.rules(grant.host), self.wall + grant.wait_ms
        assert not blocked
        assert at >= self.next(grant.host), "given before its moment"
        assert grant.wait_ms <= horizon
        assert grant.asked or self.waiting(grant.host)
        assert host.open + grant.slots <= limit, "more open than allowed"
        assert grant.delay_ms == self.delay(grant.host)
        assert grant.slots == 1 or grant.delay_ms == 0
        assert grant.token not in self.grants
        host.open += grant.slots
        deadline = self.latest + horizon + SEND_WINDOW + OPEN
        several = grant.delay_ms == 0
        self.grants[grant.token] = Open(grant.host, grant.slots, at, deadline, several=several, epoch=epoch)
        if grant.delay_ms == 0 or limit > 1:
            host.base, host.moved = max(host.base, at), True

    def have_given(self) -> None:
        for host in self.hosts.values():
            host.base += self.latest - self.wall if host.moved else 0
            host.moved = False


steps_of_serials = st.integers(-2, 1)
picks = st.integers(0, 1 << 16)
"""Chooses from what the store holds. That depends on Redis' clock, which is the machine's; what is drawn must not."""


def picked(tokens: Iterable[str], pick: int) -> str:
    ordered = sorted(tokens)
    return ordered[pick % len(ordered)]


ages = st.sampled_from([-1, 0, 1, 40, 900, 100_000])


class PaceMachine(RuleBasedStateMachine):
    """Three pods call in any order; replies, closes and messages come late, twice or never."""

    client: redis.Redis
    steps = 0

    @initialize(policy=st.sampled_from(POLICIES))
    def begin(self, policy):
        self.client.flushall()
        self.pace = Pace(self.client)
        self.version = 0
        self.pace.policy(*policy[:2], *policy[2], version="0")
        self.workers = {pod: Worker(pod) for pod in PODS}
        self.pace.pass_time(0)
        self.reference = Reference(policy, self.pace.wall)
        self.call(PODS[0], wants=[HostSerial(name, 3) for name in HOSTS])

    def absorb(self, reply, *, epoch="", closes=(), holds=(), wants=(), idles=(), horizon=0):
        reference = self.reference
        for close in closes:
            reference.close(close)
        for hold, answer in zip(holds, reply.holds, strict=True):
            assert hold.token == answer.token
            reference.hold(hold, answer.slots)
        reference.expire()
        for name, serial in wants:
            reference.hosts[name].want = max(reference.hosts[name].want, serial)
        for name, serial in idles:
            reference.hosts[name].idle = max(reference.hosts[name].idle, serial)
        for grant in sorted(reply.grants, key=lambda grant: not grant.asked):
            reference.give(epoch, grant, horizon)
        reference.have_given()

    def living(self, pod):
        """The pod's worker; a new life of it where the store forgot the epoch after a day of silence."""
        worker = self.workers[pod]
        if worker.wall is not None and self.client.zscore(KEYS.epochs, worker.epoch) is None:
            assert worker.wall <= self.pace.wall - DAY, "an epoch was forgotten that called not long ago"
            worker = self.workers[pod] = Worker(pod, worker.life + 1, open=worker.open)
        return worker

    def look(self):
        self.reference.wall, self.reference.owed = self.pace.wall, int(self.client.hget(KEYS.meta, "owed") or 0)
        if self.pace.run != self.reference.run:
            self.reference.run, self.reference.restarted = self.pace.run, self.reference.latest

    def call(self, pod, *, elapsed=0, take=calls.NOTHING, **said):
        worker = self.living(pod)
        number = self.pace.numbers.get(worker.epoch, 0) + 1
        call = calls.exchange(KEYS, worker.epoch, number, calls.Exchange(self.pace.run, elapsed, OPEN, take, **said))
        raw = self.pace.send(call)
        self.pace.numbers[worker.epoch] = number
        worker.sent = [*worker.sent[-7:], (call, raw)]
        reply = replies.read_exchange(raw)
        self.look()
        worker.wall = self.reference.wall
        said.pop("asks", None)
        self.absorb(reply, epoch=worker.epoch, horizon=take.horizon_ms, **said)
        worker.open.update({grant.token: grant for grant in reply.grants})
        for refused in reply.refused:
            assert (refused.retry_in_ms == -1) == self.reference.rules(refused.host)[2]
            assert refused.retry_in_ms != 0
        for name in reply.blocked:
            assert self.reference.rules(name)[2]
        return reply

    @rule(
        pod=st.sampled_from(PODS),
        hosts=st.integers(0, 5),
        slots=st.integers(0, 6),
        horizon=st.sampled_from([0, 300, 2000]),
    )
    def take(self, pod, hosts, slots, horizon):
        before = {name: self.reference.hosts[name].open for name in HOSTS}
        reply = self.call(pod, take=Take(hosts, slots, horizon))
        taken = {grant.host for grant in reply.grants}
        assert len(taken) <= hosts
        assert sum(grant.slots for grant in reply.grants) <= slots
        if len(taken) < hosts and sum(grant.slots for grant in reply.grants) < slots:
            self.nothing_due_is_left(self.reference.wall + horizon, before)
        self.next_due_is_right(reply)

    def nothing_due_is_left(self, limit, before):
        for name, record in self.records().items():
            if self.reference.waiting(name) and record.asked <= limit:
                assert self.moment(name, record) > limit, f"{name} was due and nobody got it: {before}"
        if not self.quiet():
            assert not [name for name in self.fresh() if self.reference.waiting(name)]

    def next_due_is_right(self, reply):
        scores = [score for _, score in self.client.zrange(KEYS.ready, 0, -1, withscores=True)]
        if not scores:
            assert reply.next_due_ms == -1
        elif min(scores) >= 0:
            assert 0 <= reply.next_due_ms <= max(0, min(scores) - self.reference.wall)

    @rule(pod=st.sampled_from(PODS), host=st.sampled_from(HOSTS), slots=st.integers(1, 3))
    def ask(self, pod, host, slots):
        reply = self.call(pod, asks=[Ask(host, slots)], take=Take(0, 0, 500))
        assert len(reply.refused) == (not reply.grants)
        assert all(grant.asked and grant.host == host for grant in reply.grants)

    @rule(
        pick=picks,
        pod=st.sampled_from(PODS),
        by=st.sampled_from(PODS),
        age=ages,
        outcome=st.sampled_from(Outcome),
        retry=st.sampled_from([0, 0, 3000]),
        crawl=st.sampled_from([-1, -1, 0, 2500]),
        twice=st.booleans(),
    )
    def close(self, pick, pod, by, age, outcome, retry, crawl, twice):
        held = self.workers[pod].open
        if not held:
            return
        token = picked(held, pick)
        del held[token]
        close = Close(token, age, outcome, retry, crawl)
        self.call(by, closes=[close, close] if twice else [close])

    @rule(pod=st.sampled_from(PODS), host=st.sampled_from(HOSTS), age=ages, outcome=st.sampled_from(Outcome))
    def close_without_a_grant(self, pod, host, age, outcome):
        before = self.reference.next(host)
        self.call(pod, closes=[Close(f"host:{host}", age, outcome), Close("0123456789ab-9.9", 0, outcome)])
        assert self.reference.next(host) >= before

    @rule(
        ends=st.lists(picks, max_size=4),
        hosts=st.integers(1, 4),
        slots=st.integers(1, 9),
        pod=st.sampled_from(PODS),
        ms=st.sampled_from([0, 49, 250, 1000, 4100]),
        age=ages,
        outcome=st.sampled_from([Outcome.SUCCESS, Outcome.SUCCESS, Outcome.NONE, Outcome.SLOW_DOWN]),
        horizon=st.sampled_from([0, 300, 2000]),
    )
    def work(self, ends, hosts, slots, pod, ms, age, outcome, horizon):
        """A worker's daily round: some slots end, there is work again, others are taken."""
        self.pass_time(ms)
        held = self.workers[pod].open
        ended = [picked(held, pick) for pick in ends] if held else []
        again = [HostSerial(name, max(host.want, host.idle) + 1) for name, host in self.reference.hosts.items()]
        self.call(
            pod,
            closes=[Close(token, age, outcome) for token in ended],
            wants=again,
            take=Take(hosts, slots, horizon),
        )
        for token in ended:
            self.workers[pod].open.pop(token, None)

    @rule(pick=picks, pod=st.sampled_from(PODS), slots=st.integers(0, 5))
    def hold(self, pick, pod, slots):
        held = self.workers[pod].open
        if not held:
            self.call(pod, take=Take(4, 8))
            return
        token = picked(held, pick)
        self.call(pod, holds=[Hold(token, slots)])

    @rule(
        pod=st.sampled_from(PODS),
        wants=st.lists(st.tuples(st.sampled_from(HOSTS), steps_of_serials), max_size=6),
        idles=st.lists(st.tuples(st.sampled_from(HOSTS), steps_of_serials), max_size=3),
        also_take=st.booleans(),
    )
    def tell(self, pod, wants, idles, also_take):
        """Messages old and new, in any order: serials around the newest of their host."""
        newest = {name: max(host.want, host.idle, 3) for name, host in self.reference.hosts.items()}
        self.call(
            pod,
            wants=[HostSerial(name, newest[name] + step) for name, step in wants],
            idles=[HostSerial(name, newest[name] + step) for name, step in idles],
            take=Take(2, 4, 0) if also_take else calls.NOTHING,
        )

    @rule(pick=picks, pod=st.sampled_from(PODS))
    def repeat(self, pick, pod):
        sent = self.living(pod).sent
        if not sent:
            return
        call, reply = sent[pick % len(sent)]
        before = self.pace.contents()
        assert self.pace.send(call) == reply
        assert self.pace.contents() == before

    @rule(ms=st.sampled_from([1, 250, 1000, 2100, 2100, 7000, 7000, 15_000, OPEN + 2500, 700_000, DAY]))
    def time_passes(self, ms):
        self.pass_time(ms)

    def pass_time(self, ms):
        before = self.pace.wall
        reply = self.pace.pass_time(ms)
        self.look()
        assert self.pace.wall == before + ms
        self.absorb(reply)

    @rule(pod=st.sampled_from(PODS), elapsed=st.integers(0, 400), step=st.sampled_from([HOUR, -HOUR]))
    def clock_steps(self, pod, elapsed, step):
        worker, before = self.living(pod), self.pace.wall
        owed = self.reference.owed
        self.pace.time_moves(step)
        self.call(pod, elapsed=elapsed)
        earlier = self.previous.get(worker.epoch, -DAY)
        most = min(max(0, earlier + elapsed - before), step if step > 0 else owed // 1000)
        assert worker.wall == before + most, "the clock ran ahead of the caller's own, or not at all"

    @rule(pod=st.sampled_from(PODS), late=st.sampled_from([1, 30, 200, 1500]), elapsed=st.integers(0, 40))
    def a_call_is_long_under_way(self, pod, late, elapsed):
        self.pace.time_moves(late + elapsed)
        self.call(pod, elapsed=elapsed)
        assert self.reference.owed <= 250_000

    @rule(policy=st.sampled_from(POLICIES))
    def change_policy(self, policy):
        self.version += 1
        self.pace.policy(*policy[:2], *policy[2], version=str(self.version))
        limits = {name: self.reference.rules(name)[1] for name in HOSTS}
        self.reference.policy = policy
        for name, host in self.reference.hosts.items():
            if limits[name] == 1 and self.reference.rules(name)[1] > 1 and host.open:
                host.loose = True

    @rule(pod=st.sampled_from(PODS), by_epoch=st.booleans(), spare=st.booleans())
    def die(self, pod, by_epoch, spare):
        worker = self.workers[pod]
        dead = worker.epoch if by_epoch else pod
        spared = [worker.epoch] if spare else []
        freed = replies.read_freed(self.pace.send(calls.confirm_dead(KEYS, [dead], spared)))
        ended = [
            token
            for token, grant in self.reference.grants.items()
            if dead in (grant.epoch, grant.epoch.split(":")[0]) and grant.epoch not in spared
        ]
        assert freed == sum(self.reference.grants[token].slots for token in ended)
        self.look()
        for token in ended:
            self.reference.finish(token, self.reference.latest)
        if not spare:
            self.workers[pod] = Worker(pod, worker.life + 1)

    @rule(pod=st.sampled_from(PODS))
    def new_life_without_a_word(self, pod):
        worker = self.workers[pod]
        self.workers[pod] = Worker(pod, worker.life + 1, open=worker.open)

    @rule(pod=st.sampled_from(PODS), rarely=st.integers(0, 4))
    def redis_restarts(self, pod, rarely):
        if rarely:
            return
        self.pace.run += "+"
        self.call(pod, take=Take(5, 5, 0))

    def records(self):
        return {name.decode(): Record.read(packed) for name, packed in self.client.hgetall(KEYS.clock).items()}

    def ready(self):
        return {name.decode(): score for name, score in self.client.zrange(KEYS.ready, 0, -1, withscores=True)}

    def fresh(self):
        return [name for name, score in self.ready().items() if score < 0]

    def quiet(self):
        return self.reference.restarted and self.reference.wall < self.reference.restarted + 2 * SEND_WINDOW + 10_000

    def moment(self, name, record):
        delay = max(self.reference.rules(name)[0], record.crawl, record.backoff)
        quiet = self.reference.restarted + 2 * SEND_WINDOW + delay if self.reference.restarted else 0
        return max(record.base + delay, record.floor, quiet)

    @invariant()
    def all_is_as_the_reference_says(self):
        type(self).steps += 1
        self.previous = {worker.epoch: worker.wall for worker in self.workers.values() if worker.wall is not None}
        records, ready = self.records(), self.ready()
        for name, host in self.reference.hosts.items():
            if name in records:
                self.record_agrees(name, records[name], host, ready)
            elif name in ready:
                self.fresh_agrees(name, host, ready[name])
            else:
                self.may_be_forgotten(name, host)
        held = sum(grant.slots for grant in self.reference.grants.values())
        assert int(self.client.hget(KEYS.meta, "held") or 0) == held
        pattern = KEYS.grants("*").replace("{", "?").replace("}", "?")
        kept = [token.decode() for key in self.client.keys(pattern) for token in self.client.hkeys(key)]
        assert sorted(kept) == sorted(self.reference.grants)
        watched = dict(self.client.zrange(KEYS.deadlines, 0, -1, withscores=True))
        for token, grant in self.reference.grants.items():
            groups = [m for m in watched if m == token.encode() or m.startswith(token.rsplit(".")[0].encode() + b":")]
            assert grant.deadline in {watched[member] for member in groups}, "nobody will look after this grant"

    def record_agrees(self, name, record, host, ready):
        assert record.open == host.open == sum(g.slots for g in self.reference.grants.values() if g.host == name)
        assert (record.want > record.idle) == (host.want > host.idle)
        expected = self.reference.next(name)
        assert self.moment(name, record) >= expected
        assert host.loose or self.moment(name, record) == expected
        waits = record.want > record.idle and record.open < record.limit
        assert (name in ready) == waits, "a host with work and a free slot is not in ready, or one without is"
        if waits and not self.client.hget(KEYS.meta, "sweep"):
            assert ready[name] <= max(self.moment(name, record), record.asked)
        resting = self.client.zscore(KEYS.resting, name) is not None
        assert resting == (record.want <= record.idle and record.open == 0)

    def fresh_agrees(self, name, host, score):
        assert score < 0
        assert host.want > host.idle
        assert host.open == 0
        assert self.reference.next(name) <= max(self.reference.wall, self.quiet_end(name))

    def quiet_end(self, name):
        return (
            self.reference.restarted + 2 * SEND_WINDOW + self.reference.rules(name)[0]
            if self.reference.restarted
            else 0
        )

    def may_be_forgotten(self, name, host):
        assert host.want <= host.idle or host.want == 0, f"{name} has work and was forgotten"
        assert host.open == 0
        assert self.reference.next(name) <= max(self.reference.wall, self.quiet_end(name)), (
            f"{name} was forgotten too early"
        )
        self.reference.hosts[name] = Host()


@pytest.fixture(scope="module")
def client() -> Iterator[redis.Redis]:
    with redis_server() as server, server.client(decode_responses=False) as connected:
        yield connected


def test_the_pace_holds_whatever_happens(client):
    machine = type("Machine", (PaceMachine,), {"client": client, "steps": 0})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    sys.stdout.write(f"{machine.steps} steps\n")
    assert machine.steps >= EXAMPLES * STEPS // 3
