"""On which servers do the frontier's tests run? A fixture with `params=KINDS` gives each test both.

@pytest.fixture(scope="module", params=KINDS)
def server(request):
    with frontier_server(request.param) as running:
        yield running
"""

from contextlib import AbstractContextManager
from typing import Any, Final

from tests.servers.redis import RedisServer, redis_server
from tests.servers.valkey import valkey_server

KINDS: Final = ("redis", "valkey")

FRONTIER_OPTIONS: Final = ("--hash-max-listpack-value", "512")
"""What the operator sets on a managed Redis, so that many hosts share one packed hash."""


def frontier_server(kind: str, *extra_args: str, **options: Any) -> AbstractContextManager[RedisServer]:
    """Run a server of this kind (see KINDS) with the settings that the frontier's memory figures need."""
    start = {"redis": redis_server, "valkey": valkey_server}[kind]
    return start(*FRONTIER_OPTIONS, *extra_args, **options)
