"""The server and the empty client that the store's tests share; a module with another need defines its own."""

from collections.abc import Iterator

import pytest
import redis

from tests.frontier.store_scene import store_server
from tests.servers.redis import RedisServer


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with store_server() as running:
        yield running


@pytest.fixture
def client(server: RedisServer) -> Iterator[redis.Redis]:
    with server.client(decode_responses=False) as connected:
        connected.flushall()
        yield connected
