"""Which items does the store push once more to a Redis that was started anew?"""

import json

import pytest
import redis

from crawlfleet_worker import items
from crawlfleet_worker.items import BATCH_ITEMS, ItemStore
from tests.servers.redis import redis_server


@pytest.fixture
def server():
    with redis_server() as running:
        yield running


def stored(server):
    return [json.loads(line) for line in server.client().lrange("items", 0, -1)]


def test_what_was_taken_last_is_pushed_again_in_its_order(server):
    store = ItemStore(server.url, "items", 1000)
    for n in range(BATCH_ITEMS + 20):
        store.add(json.dumps(n))
    store.finish(5.0)
    server.client().delete("items")
    store.push_again()
    assert stored(server) == list(range(BATCH_ITEMS + 20))
    assert store.stored == store.added, "and counts once"


def test_what_is_on_its_disk_for_sure_is_not(server, monkeypatch):
    moment = [100.0]
    monkeypatch.setattr(items.time, "monotonic", lambda: moment[0])
    store = ItemStore(server.url, "items", 1000)
    for n in range(3):
        store.add(json.dumps(n))
        store.finish(5.0)
        moment[0] += items.LOST_SECONDS - 1.0
    moment[0] += 60.0  # of silence: what came last may be lost all the same
    server.client().delete("items")
    store.push_again()
    assert stored(server) == [1, 2]


def test_a_redis_that_does_not_take_them_is_no_success(server):
    store = ItemStore(server.url, "items", 1000)
    store.add("1")
    store.finish(5.0)
    server.stop()
    with pytest.raises(redis.RedisError):
        store.push_again()
    server.start()
    store.push_again()
    assert stored(server) == [1]
