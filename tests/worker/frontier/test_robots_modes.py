"""Which hosts' robots.txt counts, and when a changed policy is noticed."""

import json

import pytest
import redis.asyncio

from crawlfleet_frontier.pace.keys import PaceKeys
from crawlfleet_worker.frontier.robots_modes import RobotsModes, mode_of
from tests.servers.redis import redis_server

POLICY = {"default": "Obey", "overrides": {"*.example": "Ignore", "*.a.example": "Obey", "b.a.example": "Ignore"}}
KEY = PaceKeys("modes").robots_policy


@pytest.mark.parametrize(
    ("host", "mode"),
    [
        ("other.test", "Obey"),
        ("example", "Obey"),
        ("x.example", "Ignore"),
        ("x.a.example", "Obey"),
        ("b.a.example", "Ignore"),
        ("a.example", "Ignore"),
    ],
)
def test_the_most_specific_pattern_wins(host, mode):
    assert mode_of(host, POLICY) == mode


async def test_without_a_policy_the_project_decides_and_a_new_version_is_read():
    with redis_server() as server:
        connection = redis.asyncio.Redis.from_url(server.url, protocol=2)
        modes = RobotsModes(connection, KEY, without_policy=False)
        assert await modes.load()
        assert not modes.obeys("x.example")
        await connection.set(KEY, json.dumps(POLICY))
        modes.follow("")
        assert modes._loading is None
        modes.follow("1")
        await modes._loading
        assert modes.obeys("other.test")
        assert not modes.obeys("x.example")
        await connection.set(KEY, json.dumps({"default": "Ignore"}))
        modes.follow("1")
        await modes._loading
        assert modes.obeys("other.test")
        modes.follow("2")
        await modes._loading
        assert not modes.obeys("other.test")
        server.kill()
        assert not await modes.load()
        assert not modes.obeys("other.test")
        await connection.aclose()
