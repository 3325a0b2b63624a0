"""The instruments that faults are made with do what they say: clock, Valkey, distance, lost and stalled replies."""

import os
import time

import pytest
import redis

from tests.servers.clock import movable_clock
from tests.servers.delay import delay_proxy
from tests.servers.faulty_proxy import Fate, always, every_nth, faulty_proxy
from tests.servers.kinds import KINDS, frontier_server
from tests.servers.redis import redis_server
from tests.servers.resp import Splitter

TIME_IN_LUA = "return redis.call('TIME')[1]"


@pytest.fixture(scope="module")
def server():
    with redis_server() as running:
        yield running


@pytest.mark.parametrize("kind", KINDS)
def test_the_clock_moves_in_redis_and_inside_its_scripts(kind):
    with movable_clock() as clock, frontier_server(kind, environment=clock.environment) as server:
        client = server.client()
        for offset in (0, 3600, -3600, 0.25):
            clock.set(offset)
            for seconds in (client.time()[0], int(client.eval(TIME_IN_LUA, 0))):
                assert seconds == pytest.approx(time.time() + offset, abs=2)
        clock.move(10)
        assert clock.offset == pytest.approx(10.25)


def test_time_outs_do_not_follow_the_moved_clock():
    with movable_clock() as clock, redis_server(environment=clock.environment) as server:
        client = server.client()
        clock.set(-3600)
        before = time.monotonic()
        assert client.blpop("nothing", timeout=0.2) is None
        assert time.monotonic() - before < 30


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.skipif("REDIS_SERVER" in os.environ, reason="another program stands in for redis-server")
def test_a_server_of_each_kind_keeps_its_data_over_a_restart(kind):
    with frontier_server(kind, appendonly=True, password="s3cret") as server:
        server.client().set("a", 1)
        server.restart()
        client = server.client()
        info = client.info("server")
        assert (client.get("a"), info.get("server_name", "redis")) == ("1", kind)
        assert client.config_get("hash-max-listpack-value") == {"hash-max-listpack-value": "512"}


@pytest.mark.parametrize(
    ("stream", "messages"),
    [
        (b"+OK\r\n:1\r\n", [b"+OK\r\n", b":1\r\n"]),
        (b"$-1\r\n$0\r\n\r\n$2\r\n\r\n\r\n", [b"$-1\r\n", b"$0\r\n\r\n", b"$2\r\n\r\n\r\n"]),
        (b"*2\r\n*1\r\n:1\r\n$3\r\nabc\r\n*-1\r\n", [b"*2\r\n*1\r\n:1\r\n$3\r\nabc\r\n", b"*-1\r\n"]),
        (b"%1\r\n+a\r\n:1\r\n_\r\n#t\r\n", [b"%1\r\n+a\r\n:1\r\n", b"_\r\n", b"#t\r\n"]),
        (b"-ERR no\r\n,1.5\r\n", [b"-ERR no\r\n", b",1.5\r\n"]),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_messages_are_cut_out_of_a_stream_however_it_arrives(stream, messages, size):
    splitter = Splitter()
    chunks = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert [message for chunk in chunks for message in splitter.feed(chunk)] == messages


def test_every_tenth_reply_is_lost_after_execution(server):
    server.client().delete("n")
    with faulty_proxy(server.port, every_nth(10, Fate.LOSE, among=b"INCR")) as proxy:
        lost = 0
        for _ in range(100):
            client = redis.Redis(port=proxy.port, socket_timeout=5, retry=None)
            for _ in range(3):
                try:
                    client.incr("n")
                except redis.ConnectionError:
                    lost += 1
    assert (lost, proxy.lost, server.client().get("n")) == (30, 30, "300")


def test_a_lost_reply_takes_along_what_was_pipelined_behind_it(server):
    server.client().delete("n")
    with faulty_proxy(server.port, every_nth(3, Fate.LOSE, among=b"INCR")) as proxy:
        client = redis.Redis(port=proxy.port, socket_timeout=5, retry=None)
        pipeline = client.pipeline(transaction=False)
        for _ in range(5):
            pipeline.incr("n")
        with pytest.raises(redis.ConnectionError):
            pipeline.execute()
    assert (proxy.lost, server.client().get("n")) == (1, "5")


def test_a_stalled_connection_stays_open_and_silent_while_others_work(server):
    server.client().delete("n")
    with faulty_proxy(server.port, every_nth(1, Fate.STALL, among=b"INCR")) as proxy:
        stalled = redis.Redis(port=proxy.port, socket_timeout=0.2, retry=None)
        with pytest.raises(redis.TimeoutError):
            stalled.incr("n")
        assert (proxy.stalled, server.client().get("n")) == (1, "1")
        proxy.decide = always(Fate.PASS)
        assert redis.Redis(port=proxy.port, socket_timeout=5).incr("n") == 2


def round_trips(port, times):
    client = redis.Redis(port=port, socket_timeout=10)
    client.ping()
    spent = []
    for _ in range(times):
        before = time.perf_counter()
        client.ping()
        spent.append(time.perf_counter() - before)
    return spent


@pytest.mark.parametrize("one_way_ms", [0.25, 5])
def test_distance_delays_each_round_trip_and_no_throughput(server, one_way_ms):
    with delay_proxy(server.port, one_way_ms) as far:
        spent = round_trips(far.port, 50)
        assert min(spent) >= 2 * one_way_ms / 1000
        assert min(spent) < 2 * one_way_ms / 1000 + 0.005
        pipeline = redis.Redis(port=far.port, socket_timeout=10).pipeline(transaction=False)
        for number in range(2000):
            pipeline.echo(str(number))
        before = time.perf_counter()
        assert pipeline.execute() == [str(number).encode() for number in range(2000)]
        assert time.perf_counter() - before < 10, "5 ms away, one after the other, they take 20 s"
        assert far.cpu_seconds() >= 0


def test_distance_ends_a_connection_that_the_server_refuses():
    with redis_server() as gone:
        port = gone.port
    with delay_proxy(port, 1) as far, pytest.raises(redis.ConnectionError):
        redis.Redis(port=far.port, socket_timeout=5, retry=None).ping()
