"""What the operator says of a Redis, against a real one."""

import base64

import pytest

from crawlfleet import redis_gateway
from crawlfleet.actions import DropKeys, ForgetWorkers, PrepareFrontier
from crawlfleet.conditions import Reason
from crawlfleet.observed import Frontier
from crawlfleet.ports import Gone
from crawlfleet.redis_gateway import RedisGateway
from crawlfleet_frontier import commands
from tests import builders as b
from tests.fakes import FakeCluster
from tests.servers.ports import free_port
from tests.servers.redis import redis_server

JOB = b.job(b.EXTERNAL)
KEYS = JOB.keys


@pytest.fixture(scope="module")
def redis():
    """One Redis for the module, with a password."""
    with redis_server("--maxmemory", "64mb", password="s3cret") as server:
        yield server


@pytest.fixture
async def gateway(redis):
    """A gateway to that Redis, which is empty."""
    redis.client().flushall()
    redis.client().script_flush()
    with_url = GatewayTo(redis.url)
    yield with_url
    await with_url.gateway.close()


class GatewayTo:
    """A gateway whose Secret holds this URL."""

    def __init__(self, url):
        self.cluster = FakeCluster()
        self.put(url)
        self.gateway = RedisGateway(self.cluster)

    def put(self, url, key="url"):
        data = {key: base64.b64encode(url if isinstance(url, bytes) else url.encode()).decode()}
        self.cluster.put({"kind": "Secret", "metadata": {"namespace": "crawls", "name": "shared"}, "data": data})

    async def look(self, job=JOB):
        return await self.gateway.look(job)


async def test_an_empty_redis_is_an_answer(gateway):
    look = await gateway.look()
    assert isinstance(look, Frontier)
    assert not look.snapshot.intact
    assert look.memory.used > 0
    assert look.memory.maximum == 64 * 2**20
    assert look.memory.policy == "noeviction"


async def test_prepared_once(gateway, redis):
    await gateway.gateway.write(JOB, PrepareFrontier("seeded", ("http://a.example/", "http://b.example/")))
    await gateway.gateway.write(JOB, PrepareFrontier("seeded", ("http://a.example/",)))
    look = await gateway.look()
    assert look.snapshot.seeded
    assert look.snapshot.start_urls == 2


async def test_a_worker_that_is_forgotten(gateway, redis):
    await gateway.gateway.write(JOB, PrepareFrontier("seeded", ()))
    call = commands.beat(KEYS, "w1:r", 1, {"in_flight": 2, "phase": "running"}, {"requests_done": 4}, seeded=False)
    redis.client().eval(*call.arguments())
    assert (await gateway.look()).snapshot.in_flight == 2
    await gateway.gateway.write(JOB, ForgetWorkers(("w1:r", "w2:r")))
    look = await gateway.look()
    assert look.snapshot.workers == ()
    assert look.snapshot.done == 4


async def test_the_keys_of_a_job_go_and_no_others(gateway, redis):
    other = b.job(b.EXTERNAL, uid="other")
    for job in (JOB, other):
        await gateway.gateway.write(job, PrepareFrontier("seeded", ("http://a.example/",)))
    await gateway.gateway.write(JOB, DropKeys())
    assert {key.split(":")[1] for key in redis.client().scan_iter()} == {"{other}"}


async def test_seeds_in_a_key_of_the_users(gateway, redis):
    redis.client().sadd("books:start_urls", "http://a.example/")
    look = await gateway.look(b.job({**b.EXTERNAL, **b.REDIS_KEY}))
    assert look.snapshot.start_urls == 1


async def test_scripts_that_redis_lost_are_loaded_again(gateway, redis):
    for _ in range(2):
        assert isinstance(await gateway.look(), Frontier)
        redis.client().script_flush()


async def test_a_wrong_password_and_its_mend(gateway, redis, monkeypatch):
    gateway.put(redis.url.replace("s3cret", "wrong"))
    refused = await gateway.look()
    assert refused.reason == Reason.REDIS_ACCESS_DENIED
    assert f"127.0.0.1:{redis.port} refuses us" in refused.message
    assert "wrong" not in refused.message
    gateway.put(redis.url)
    assert (await gateway.look()).reason == Reason.REDIS_ACCESS_DENIED, "the Secret is not read at each look"
    monkeypatch.setattr(redis_gateway, "READ_AGAIN_SECONDS", 0.0)
    again = await gateway.look()
    assert again.message == refused.message, "no alternation"
    assert isinstance(await gateway.look(), Frontier)


async def test_a_user_without_the_right_to_scripts(gateway, redis):
    client = redis.client()
    client.acl_setuser("weak", enabled=True, passwords=["+weak"], commands=["+@all", "-evalsha"], keys=["*"])
    gateway.put(redis.url.replace(":s3cret", "weak:weak"))
    assert (await gateway.look()).reason == Reason.REDIS_ACCESS_DENIED


async def test_a_user_who_may_not_see_the_memory(gateway, redis):
    client = redis.client()
    client.acl_setuser("plain", enabled=True, passwords=["+plain"], commands=["+@all", "-info"], keys=["*"])
    gateway.put(redis.url.replace(":s3cret", "plain:plain"))
    look = await gateway.look()
    assert isinstance(look, Frontier)
    assert look.memory is None


async def test_nobody_listens():
    port = free_port()
    to_nobody = GatewayTo(f"redis://:hush@127.0.0.1:{port}/0")
    refused = await to_nobody.look()
    assert refused.reason == Reason.REDIS_UNREACHABLE
    assert f"127.0.0.1:{port} cannot be reached" in refused.message
    assert "hush" not in refused.message
    await to_nobody.gateway.close()


async def test_a_redis_that_hangs(gateway, redis, monkeypatch):
    monkeypatch.setattr(redis_gateway, "READ_SECONDS", 0.3)
    redis.pause()
    try:
        assert (await gateway.look()).reason == Reason.REDIS_UNREACHABLE
    finally:
        redis.resume()
    assert isinstance(await gateway.look(), Frontier)


async def test_a_redis_that_loads_its_file_is_away(gateway, monkeypatch):
    async def loading(*_):
        return (redis_gateway.redis.BusyLoadingError("Redis is loading the dataset in memory"),), {}

    monkeypatch.setattr(redis_gateway, "_look", loading)
    refused = await gateway.look()
    assert refused.reason == Reason.REDIS_UNREACHABLE
    assert "loading the dataset" in refused.message


@pytest.mark.parametrize(
    ("url", "key", "words"),
    [
        ("http://a.example", "url", "must start with redis:// or rediss://"),
        ("redis://x", "other", "secret 'shared' with the key 'url'"),
        (b"\xff\xfe", "url", ""),
    ],
)
async def test_a_secret_that_is_of_no_use_and_its_mend(gateway, redis, url, key, words):
    gateway.put(url, key)
    refused = await gateway.look()
    assert refused.reason == Reason.REDIS_SECRET_MISSING
    assert words in refused.message
    gateway.put(redis.url)
    assert isinstance(await gateway.look(), Frontier)


async def test_a_secret_that_is_missing(gateway):
    gateway.cluster.remove("Secret", "crawls", "shared")
    assert (await gateway.look()).reason == Reason.REDIS_SECRET_MISSING
    with pytest.raises(Gone):
        await gateway.gateway.write(JOB, PrepareFrontier("seeded", ()))


async def test_connections_are_shared_and_closed(gateway):
    other = b.job(b.EXTERNAL, uid="other")
    await gateway.look()
    await gateway.look(other)
    assert len(gateway.gateway._clients) == 1
    await gateway.gateway.release(JOB.uid)
    assert isinstance(await gateway.look(other), Frontier)
    await gateway.gateway.release("other")
    await gateway.gateway.release("never seen")
    assert gateway.gateway._clients == {}
