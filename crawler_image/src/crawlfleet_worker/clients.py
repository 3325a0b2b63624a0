"""How does a worker talk to Redis? Two kinds of blocking client, both without redis-py's own retries.

Retries are ours: the scheduler must not sleep in the event loop, and the beat must know which reply it never
got.
"""

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
LOOP_SECONDS = 1.0
"""In the event loop: longer than this one call may not keep the downloads waiting."""

ACCESS_DENIED = (redis.AuthenticationError, redis.exceptions.NoPermissionError)
"""Redis refuses the password, the user or the command: trying again changes nothing."""


def thread_client(url: str) -> redis.Redis:
    """Return a client for a thread of its own."""
    return _client(url, CONNECT_SECONDS, READ_SECONDS)


def loop_client(url: str) -> redis.Redis:
    """Return a client for calls within the event loop."""
    return _client(url, LOOP_SECONDS, LOOP_SECONDS)


def _client(url: str, connect_seconds: float, read_seconds: float) -> redis.Redis:
    return redis.Redis.from_url(
        url,
        socket_connect_timeout=connect_seconds,
        socket_timeout=read_seconds,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
    )
