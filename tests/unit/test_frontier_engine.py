"""What the operator says to the two stores of a job with `engine: Frontier`, against a real Redis."""

import asyncio
import base64
import json

import pytest
from redis import Redis

from crawlfleet import frontier_spec
from crawlfleet.actions import (
    CloseFrontier,
    ConfirmDead,
    DropKeys,
    PrepareFrontier,
    Reap,
    ReopenFrontier,
    ReplayDead,
    SetLimits,
    SetPoliteness,
    Tick,
)
from crawlfleet.conditions import Reason
from crawlfleet.engines import frontier as engine_module
from crawlfleet.engines import frontier_upkeep
from crawlfleet.frontier_spec import Limits, Replay
from crawlfleet.redis_gateway import RedisGateway
from crawlfleet_frontier.pace import PaceKeys
from crawlfleet_frontier.pace import calls as pace
from crawlfleet_frontier.pace import replies as pace_replies
from crawlfleet_frontier.store import StoreKeys, replies
from crawlfleet_frontier.store import calls as store
from tests import builders as b
from tests.fakes import FakeCluster
from tests.servers.redis import redis_server

FRONTIER = {"engine": "Frontier", **b.EXTERNAL}
JOB = b.job(FRONTIER)
KEYS, PACE = StoreKeys(b.UID), PaceKeys(b.UID)
LATER = "99999999999999"


@pytest.fixture(scope="module")
def redis():
    """One Redis for the module."""
    with redis_server() as server:
        yield server


class Frontier:
    """A gateway to an empty Redis, and words that workers and producers say there."""

    def __init__(self, server):
        self.cluster = FakeCluster()
        data = {"url": base64.b64encode(server.url.encode()).decode()}
        self.cluster.put({"kind": "Secret", "metadata": {"namespace": "crawls", "name": "shared"}, "data": data})
        self.gateway = RedisGateway(self.cluster)
        self.redis = server.client()
        self.redis.flushall()
        self.raw = Redis.from_url(server.url)

    def say(self, call):
        return self.raw.eval(*call.eval_arguments())

    async def look(self, job=JOB):
        return (await self.gateway.look(job)).snapshot

    async def write(self, action, job=JOB):
        return await self.gateway.write(job, action)

    async def prepared(self, job=JOB, seed_state="seeded", urls=()):
        await self.write(PrepareFrontier(seed_state, tuple(urls)), job)

    def push(self, *urls, host="a.example"):
        rows = [store.PushRequest(str(abs(hash(url)) % 10**15), host, 3, url.encode()) for url in urls]
        return replies.read_push(self.say(store.push(KEYS, rows)))

    def join(self, epoch="pod-1:r1"):
        self.say(store.join(KEYS, epoch))
        return epoch

    def lease(self, epoch, number, hosts=(("a.example", 10),)):
        return replies.read_lease(self.say(store.lease(KEYS, hosts).numbered(epoch, number))).grants

    def settle(self, epoch, number, **words):
        return replies.read_settle(self.say(store.settle(KEYS, store.Settlement(**words)).numbered(epoch, number)))

    def beat(self, epoch, number, **increments):
        self.say(
            store.beat(
                KEYS, epoch, number, state='{"phase": "running"}', increments=increments, after_number=0, held=()
            )
        )


@pytest.fixture
async def frontier(redis):
    """Everything that is needed to talk."""
    made = Frontier(redis)
    yield made
    made.raw.close()
    await made.gateway.close()


async def test_an_empty_redis_is_an_answer(frontier):
    state = await frontier.look()
    assert not state.intact
    assert state.ledger is None
    assert frontier.redis.keys() == []


async def test_a_prepared_frontier(frontier):
    await frontier.prepared(urls=["http://a.example/", "http://b.example/ü"])
    state = await frontier.look()
    assert (state.layout, state.layout) == ("frontier/1", state.expected_layout)
    assert (state.seeded, state.started, state.start_urls, state.queued) == (True, False, 2, 0)
    assert state.ledger.limits == Limits(0, 0, 3)
    assert not state.ledger.closed
    assert state.ledger.pace.store_id
    assert [json.loads(seed) for seed in frontier.redis.lrange(KEYS.seeds, 0, -1)] == [
        {"url": "http://a.example/"},
        {"url": "http://b.example/ü"},
    ]


async def test_prepared_once(frontier):
    await frontier.prepared(urls=["http://a.example/"])
    frontier.redis.lpop(KEYS.seeds)
    await frontier.prepared(urls=["http://a.example/"])
    assert (await frontier.look()).start_urls == 0


async def test_two_operators_prepare_one_frontier(frontier):
    gateways = [RedisGateway(frontier.cluster) for _ in range(8)]
    prepared = PrepareFrontier("seeded", ("http://a.example/",))
    assert all(await asyncio.gather(*(gateway.write(JOB, prepared) for gateway in gateways)))
    assert (await frontier.look()).start_urls == 1
    await asyncio.gather(*(gateway.close() for gateway in gateways))


async def test_seeds_of_a_preparation_that_was_cut_short_are_not_doubled(frontier):
    frontier.redis.rpush(KEYS.seeds, '{"url": "http://a.example/"}')
    await frontier.prepared(urls=["http://a.example/"])
    assert (await frontier.look()).start_urls == 1


async def test_limits_and_filter_come_from_the_spec(frontier):
    bloom = {"type": "Bloom", "bloom": {"capacity": 1000, "errorsPerMillion": 1000}}
    spec = {"maxRequestsPerHost": 7, "stopAfter": {"pages": 9}, "retries": {"maxWorkerLosses": 2}, "dedupe": bloom}
    job = b.job({**FRONTIER, **spec})
    await frontier.prepared(job)
    ledger = (await frontier.look(job)).ledger
    assert ledger.limits == Limits(7, 9, 2) == frontier_spec.limits(job)
    assert ledger.bloom_fill == 0
    frontier.push("http://a.example/1")
    assert 0 < (await frontier.look(job)).ledger.bloom_fill < 0.01


async def test_what_a_look_counts(frontier):
    await frontier.prepared()
    epoch = frontier.join()
    frontier.push(*(f"http://a.example/{n}" for n in range(5)))
    one, two, three, _ = frontier.lease(epoch, 1, [("a.example", 4)])
    frontier.settle(epoch, 2, done=[one.token], retry=[(two.token, 60_000, b"")], dead=[(three.token, "Timeout", "x")])
    frontier.beat(epoch, 1, items=3)
    state = await frontier.look()
    ledger = state.ledger
    assert (state.queued, ledger.delayed, state.in_flight, state.done, ledger.dead) == (1, 1, 1, 1, 1)
    assert (ledger.admitted, ledger.due, ledger.ownerless, state.counters["items"]) == (5, 0, 0, 3)
    assert [(w.worker_id, w.pod_uid, w.in_flight, w.age_seconds) for w in state.workers] == [(epoch, "pod-1", 1, 0)]
    assert state.started


async def test_seeds_in_a_key_of_the_users(frontier):
    job = b.job({**FRONTIER, **b.REDIS_KEY})
    await frontier.prepared(job)
    frontier.redis.sadd("books:start_urls", "http://a.example/")
    assert (await frontier.look(job)).start_urls == 1


async def test_limits_change(frontier):
    await frontier.prepared()
    await frontier.write(SetLimits(Limits(5, 6, 7)))
    assert (await frontier.look()).ledger.limits == Limits(5, 6, 7)


async def test_politeness_changes(frontier):
    await frontier.prepared()
    rules = [
        {"host": "*.slow.example", "delayMilliseconds": 5000, "robots": "Ignore"},
        {"host": "b.example", "action": "Block"},
    ]
    job = b.job({**FRONTIER, "politeness": {"default": {"delayMilliseconds": 0}, "overrides": rules}})
    wanted = frontier_spec.politeness(job)
    await frontier.write(SetPoliteness(wanted))
    reply = pace_replies.read_exchange(frontier.say(pace.exchange(PACE, "pod-1:r1", 1, pace.Exchange("run", 0, 5000))))
    assert reply.policy_version == wanted.version
    robots = json.loads(frontier.redis.get(PACE.prefix + "robots_policy"))
    assert robots == {"default": "Obey", "overrides": {"*.slow.example": "Ignore"}}


async def test_a_pace_store_that_is_gone_is_seen(frontier):
    await frontier.prepared()
    frontier.redis.delete(PACE.meta)
    state = await frontier.look()
    assert state.intact
    assert state.ledger.pace is None


async def test_a_key_of_a_foreign_type_is_no_answer(frontier):
    await frontier.prepared()
    frontier.redis.delete(KEYS.items)
    frontier.redis.set(KEYS.items, "x")
    refused = await frontier.gateway.look(JOB)
    assert refused.reason == Reason.REDIS_UNREACHABLE


async def test_the_end_is_agreed_upon(frontier):
    await frontier.prepared()
    epoch = frontier.join()
    frontier.push("http://a.example/")
    await frontier.write(CloseFrontier(1))
    assert not (await frontier.look()).ledger.closed, "something is queued"
    (lease,) = frontier.lease(epoch, 1)
    frontier.settle(epoch, 2, done=[lease.token])
    await frontier.write(CloseFrontier(0))
    assert not (await frontier.look()).ledger.closed, "another number was admitted"
    await frontier.write(CloseFrontier(1))
    assert (await frontier.look()).ledger.closed
    await frontier.write(ReopenFrontier())
    assert not (await frontier.look()).ledger.closed


async def test_a_url_in_the_users_key_keeps_it_open(frontier):
    job = b.job({**FRONTIER, **b.REDIS_KEY})
    await frontier.prepared(job)
    frontier.redis.rpush("books:start_urls", "http://a.example/")
    await frontier.write(CloseFrontier(0), job)
    assert not (await frontier.look(job)).ledger.closed


async def test_a_silent_worker_is_reaped_with_the_operators_ticks(frontier, monkeypatch):
    """The clock stands still without beats: a second at most goes by in each tick."""
    await frontier.prepared()
    epoch = frontier.join()
    frontier.push("http://a.example/")
    frontier.lease(epoch, 1)
    for _ in range(7):
        last = int(frontier.redis.hget(KEYS.meta, "lease_last"))
        frontier.redis.hset(KEYS.meta, "lease_last", last - 5000)
        assert (await frontier.look()).ledger.still_seconds >= 5
        await frontier.write(Tick())
    state = await frontier.look()
    assert state.ledger.still_seconds < 1
    assert state.workers[0].age_seconds >= 6
    await frontier.write(Reap())
    state = await frontier.look()
    assert (state.in_flight, state.queued, state.workers) == (0, 1, ())
    assert int(frontier.redis.hget(f"{KEYS.prefix}counters", "losses")) == 1


async def test_delayed_requests_come_due_by_the_operators_clock(frontier, monkeypatch):
    await frontier.prepared()
    epoch = frontier.join()
    frontier.push("http://a.example/")
    (lease,) = frontier.lease(epoch, 1)
    frontier.settle(epoch, 2, retry=[(lease.token, 3000, b"")])
    now = {"monotonic": 100.0}
    monkeypatch.setattr(engine_module.time, "monotonic", lambda: now["monotonic"])
    for seconds, due in ((50.0, 0), (2.0, 0), (2.0, 1)):
        now["monotonic"] += seconds
        frontier.redis.hset(KEYS.meta, "last", int(frontier.redis.hget(KEYS.meta, "last")) - int(seconds * 1000))
        await frontier.write(Tick())
        assert (await frontier.look()).ledger.due == due


async def test_reaping_by_name_without_blame(frontier):
    await frontier.prepared()
    epoch = frontier.join()
    for first in (0, 350):
        frontier.push(*(f"http://a.example/{n}" for n in range(first, first + 350)))
    granted = frontier.lease(epoch, 1, [("a.example", 500)]) + frontier.lease(epoch, 2, [("a.example", 500)])
    assert len(granted) == 700
    await frontier.write(Reap(epoch, blame=False))
    state = await frontier.look()
    assert (state.in_flight, state.queued, state.ledger.suspects) == (0, 700, 0)


async def test_slots_of_the_dead_are_free(frontier):
    await frontier.prepared()
    said = pace.Exchange("run", 0, 5000, pace.Take(5, 5), wants=[pace.HostSerial("a.example", 1)])
    reply = pace_replies.read_exchange(frontier.say(pace.exchange(PACE, "pod-1:r1", 1, said)))
    assert len(reply.grants) == 1
    assert (await frontier.look()).ledger.pace.held_slots == 1
    await frontier.write(ConfirmDead(("pod-2:r1",)))
    assert (await frontier.look()).ledger.pace.held_slots == 1
    await frontier.write(ConfirmDead(("pod-1:r1",)))
    assert (await frontier.look()).ledger.pace.held_slots == 0


async def dead_letters(frontier):
    """Five dead letters: two hosts, two reasons."""
    await frontier.prepared()
    epoch = frontier.join()
    for host in ("a.example", "b.example"):
        frontier.push(*(f"http://{host}/{n}" for n in range(3)), host=host)
    leases = frontier.lease(epoch, 1, [("a.example", 10), ("b.example", 10)])
    reasons = ["Timeout", "Timeout", "WorkerLost", "Timeout", "WorkerLost", "WorkerLost"]
    dead = [(lease.token, reason, "x") for lease, reason in zip(leases, reasons, strict=True)]
    frontier.settle(epoch, 2, dead=dead)
    return epoch


@pytest.mark.parametrize(
    ("replay", "left"),
    [
        (Replay("1"), 0),
        (Replay("1", reasons=("Timeout",)), 3),
        (Replay("1", hosts=("a.example",)), 3),
        (Replay("1", ("Timeout", "Other"), ("b.example",)), 5),
        (Replay("1", hosts=("*.example",)), 0),
        (Replay("1", hosts=("*.a.example", "*.b.example")), 6),
        (Replay("1", ("Other",)), 6),
    ],
)
async def test_a_replay_queues_what_is_meant(frontier, replay, left, monkeypatch):
    monkeypatch.setattr(frontier_upkeep, "LETTERS", 2)
    await dead_letters(frontier)
    assert await frontier.write(ReplayDead(replay, LATER))
    state = await frontier.look()
    assert (state.ledger.dead, state.queued) == (left, 6 - left)


async def test_a_replay_leaves_what_died_later(frontier):
    epoch = await dead_letters(frontier)
    (first, *_), *_ = frontier.redis.xrange(KEYS.dead)
    through = first.split("-")[0]
    assert await frontier.write(ReplayDead(Replay("1"), str(int(through) - 1)))
    assert (await frontier.look()).ledger.dead == 6
    assert epoch


async def test_the_keys_of_a_job_go_and_no_others(frontier, monkeypatch):
    monkeypatch.setattr(frontier_upkeep, "SCANS", 1)
    monkeypatch.setattr(frontier_upkeep, "SCAN_COUNT", 20)
    other = b.job(FRONTIER, uid=f"{b.UID}-2")
    for job in (JOB, other):
        await frontier.prepared(job, urls=["http://a.example/"])
    frontier.join()
    frontier.push(*(f"http://h{n}.example/" for n in range(200)))
    for n in range(100):
        frontier.redis.set(f"foreign:{n}", 1)
    steps = 1
    while not await frontier.write(DropKeys()):
        steps += 1
    assert steps > 1, "in bounded steps"
    tags = {key.split(":")[1] for key in frontier.redis.scan_iter() if not key.startswith("foreign")}
    assert tags == {f"{{{other.uid}"}
    assert len(frontier.redis.keys("foreign:*")) == 100


async def test_scripts_that_redis_lost_are_loaded_again(frontier):
    await frontier.prepared()
    for _ in range(2):
        assert (await frontier.look()).intact
        await frontier.write(ReopenFrontier())
        frontier.redis.script_flush()


async def test_a_look_is_one_round_trip(frontier):
    await frontier.prepared()
    await frontier.look()
    before = frontier.redis.info("commandstats")
    await frontier.look()
    after = frontier.redis.info("commandstats")
    asked = {name: after[name]["calls"] - before.get(name, {"calls": 0})["calls"] for name in after}
    assert asked["cmdstat_evalsha"] == 2
