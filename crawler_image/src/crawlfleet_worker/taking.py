"""How is something taken from Redis without losing it on the way.

Takes are numbered: where a reply is lost, the same take is asked for again and Redis repeats its answer.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis

from crawlfleet_frontier import commands
from crawlfleet_worker.session import Session


class Taker:
    """Takes entries from one key for one worker."""

    def __init__(self, client: redis.Redis, session: Session, source: str, which: commands.Take) -> None:
        self._client, self._session = client, session
        self._source, self._which = source, which
        self._claim = f"{session.worker_id}:{source}"
        session.claims.add(self._claim)
        self._sequence = 1
        self.unclear = False
        """Whether a reply is missing: Redis may have given us entries that we never saw."""

    @contextmanager
    def taking(self, count: int) -> Iterator[list[bytes]]:
        """Take up to `count` entries, or those of the take whose reply is missing.

        They are in flight while the block runs, and on where the reply is missing. Raises redis.RedisError.
        """
        if not self.unclear:
            self._session.popping += count
        self.unclear = True
        call = commands.take(self._session.keys, self._source, self._claim, self._sequence, count, self._which)
        try:
            reply: Any = self._client.eval(*call.arguments())  # type: ignore[arg-type]
        except redis.ResponseError:
            self._answered(count)
            raise
        self._sequence += 1
        try:
            yield list(reply)
        finally:
            self._answered(count)

    def _answered(self, count: int) -> None:
        self.unclear = False
        self._session.popping -= count
