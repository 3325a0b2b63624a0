"""The figures, each taken from both sides on one server: what is measured, how often, in which unit."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Final

import redis

from benchmarks.frontier import crawling
from benchmarks.frontier.links import link, pages
from benchmarks.frontier.ours import SLOTS, Frontier, random_ids
from benchmarks.frontier.peer import Peer
from benchmarks.frontier.server import command_calls, cost, growth
from crawlfleet_frontier.store import calls as store
from crawlfleet_frontier.store.keys import StoreKeys
from tests.servers.delay import delay_proxy
from tests.servers.kinds import frontier_server
from tests.servers.redis import RedisServer

HOSTS: Final = 16
LINKS: Final = 50
PAGES: Final = 300
TAKEN: Final = 4096
Pair = Mapping[str, float]
"""`ours` and `scrapy_redis`."""


@contextmanager
def server() -> Iterator[tuple[RedisServer, redis.Redis]]:
    """Run an empty redis-server."""
    with frontier_server("redis") as running, running.client(decode_responses=False, socket_timeout=120) as client:
        yield running, client


def enqueue_server_us_per_url() -> Pair:
    """Server CPU per link of pages of 50 links, half of them known, one call a page; the peer a call or two a link."""
    found = list(pages(PAGES, LINKS, 0.5, HOSTS))
    with server() as (_, client):
        frontier = Frontier(client)
        with cost(client) as our_cost:
            for page in found:
                frontier.push(page)
        client.flushall()
        peer = Peer(client)
        with cost(client) as peer_cost:
            peer.enqueue(found)
    return {"ours": our_cost.cpu_us / (PAGES * LINKS), "scrapy_redis": peer_cost.cpu_us / (PAGES * LINKS)}


def lease_ack_server_us_per_url() -> Pair:
    """Server CPU per request leased, paced, closed, settled, 64 at a time; the peer's pop loses what it gives."""
    links = [link(number, HOSTS) for number in range(2 * TAKEN)]
    with server() as (_, client):
        frontier = Frontier(client)
        for first in range(0, len(links), 400):
            frontier.push(links[first : first + 400])
        frontier.wake_all()
        frontier.take()
        with cost(client) as our_cost:
            taken = _take(frontier)
        client.flushall()
        peer = Peer(client)
        peer.queue(links)
        with cost(client) as peer_cost:
            popped = peer.take(TAKEN)
    return {"ours": our_cost.cpu_us / taken, "scrapy_redis": peer_cost.cpu_us / popped}


def _take(frontier: Frontier) -> int:
    taken = 0
    while taken < TAKEN:
        came = frontier.take(SLOTS)
        if not came:
            raise RuntimeError(f"the frontier gave {taken} requests and then none")
        taken += came
    return taken


def redis_calls_per_page(count: int = 6000) -> Pair:
    """Redis calls a page at full speed: 64 open, ten links a page, two of them new; beats included."""
    with server() as (running, client):
        crawling.prepare(client, "calls")
        client.config_resetstat()
        crawling.ours(running.url, "calls", count)
        ours = command_calls(client, {"evalsha", "eval", "info", "script|load"})
        client.flushall()
        client.config_resetstat()
        crawling.peer(running.url, count // 10)
        peer = command_calls(client, {"sadd", "zadd", "zrange", "zremrangebyrank", "multi", "exec"})
    return {"ours": ours / count, "scrapy_redis": peer / (count // 10)}


def seen_bytes_per_url(count: int) -> Pair:
    """Bytes of a known URL: the seen set of `count` ids, everything that belongs to it included."""
    with server() as (_, client):
        frontier = Frontier(client)
        frontier.push_requests([])  # Redis compiles the script once
        with growth(client) as ours:
            _only_see(client, frontier, count)
        client.flushall()
        sample = min(count, 1_000_000)
        with growth(client) as peer:
            pipeline = client.pipeline(transaction=False)
            for number in range(sample):
                pipeline.sadd("peer:dupefilter", f"{number:040x}")
                if number % 10_000 == 9_999:
                    pipeline.execute()
            pipeline.execute()
    return {"ours": ours[0] / count, "scrapy_redis": peer[0] / sample}


def _only_see(client: redis.Redis, frontier: Frontier, count: int) -> None:
    """Admit ids whose requests are all of one host, and take that host's queue away again."""
    keys, ids = StoreKeys("bench"), random_ids(count, 1)
    while batch := list(islice(ids, 500)):
        frontier.push_requests([store.PushRequest(each, "one.example", 3, b"") for each in batch])
    for key in client.scan_iter(match=f"{keys.prefix}q:*", count=1000):
        client.unlink(key)


def queued_bytes_per_request(hosts: int, per_host: int) -> Pair:
    """Bytes of a queued request with a URL of 70 characters, its place in the seen set and its host's share."""
    count = hosts * per_host
    with server() as (_, client):
        frontier = Frontier(client)
        with growth(client) as ours:
            for first in range(0, count, 500):
                frontier.push([link(number, hosts) for number in range(first, min(first + 500, count))])
            frontier.wake_all()
        client.flushall()
        sample = min(count, 100_000)
        peer = Peer(client)
        with growth(client) as theirs:
            links = [link(number, hosts) for number in range(sample)]
            peer.see(links)
            peer.queue(links)
    return {"ours": ours[0] / count, "scrapy_redis": theirs[0] / sample}


def throughput(milliseconds: float, count: int = 4000) -> Pair:
    """Pages a second at this distance (round trip) to Redis, 0 being the same machine."""
    with server() as (running, client), _at(running, milliseconds) as url:
        crawling.prepare(client, "far")
        ours = crawling.ours(url, "far", count).pages_per_second
        client.flushall()
        peer = crawling.peer(url, count // 10).pages_per_second
    return {"ours": ours, "scrapy_redis": peer}


@contextmanager
def _at(running: RedisServer, milliseconds: float) -> Iterator[str]:
    if not milliseconds:
        yield running.url
        return
    with delay_proxy(running.port, milliseconds / 2) as far:
        yield f"redis://127.0.0.1:{far.port}"
