"""Is there work anywhere in the fleet, and do seeds wait to be read? Asked only by a worker that has nothing to do."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from redis.exceptions import RedisError

from crawlfleet_frontier.client import FrontierClient, clock
from crawlfleet_frontier.errors import FrontierError
from crawlfleet_frontier.store.replies import StoreSnapshot
from crawlfleet_worker.frontier.gateway import lasting

LOOK_SECONDS: Final = 1.0
"""Between two looks of a worker with nothing to do."""

SEEDS_SECONDS: Final = 0.05
"""While the last look found seeds."""

logger = logging.getLogger(__name__)


class FleetLook:
    """The last look at the whole job."""

    def __init__(
        self,
        client: FrontierClient,
        start_urls_key: str,
        feed: Callable[[], Awaitable[None]],
        looked: Callable[[], None],
    ) -> None:
        self._client, self._key, self._feed, self._looked = client, start_urls_key, feed, looked
        self.idle = False
        """Whether nothing was queued, delayed, leased or to be seeded anywhere; who begins something here says no."""
        self._next = 0.0
        self._task: asyncio.Task[None] | None = None

    def look_soon(self) -> None:
        """Look again, if the last look is old enough."""
        if self._task is None and clock.now() >= self._next:
            self._task = asyncio.get_running_loop().create_task(self._look())

    def stop(self) -> None:
        """Look no more."""
        self._next = float("inf")
        if self._task is not None:
            self._task.cancel()

    async def _look(self) -> None:
        pause = LOOK_SECONDS
        try:
            found = await lasting(lambda: self._client.snapshot(self._key))
            self.idle = is_idle(found)
            if found.seeds > 0:
                pause = SEEDS_SECONDS
                await self._feed()
        except (RedisError, FrontierError) as error:
            logger.warning("The job cannot be looked at: %s", error)
        self._task, self._next = None, max(self._next, clock.now() + pause)
        self._looked()


def is_idle(found: StoreSnapshot) -> bool:
    """Whether the job is at its end, as far as one look can tell."""
    unfinished = sum(map(found.number, ("queued", "delayed", "leased")))
    return not unfinished and found.seeds <= 0 and found.meta.get("seed_state") == "seeded"
