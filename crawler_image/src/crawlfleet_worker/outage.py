"""May Redis be asked now?

After a failure not before a growing pause has passed, so that the loop is not kept busy.
"""

import logging
import time

from crawlfleet_worker.backoff import Backoff

logger = logging.getLogger(__name__)


class Outage:
    """The state of one connection to Redis, told in the log when it changes."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._backoff = Backoff(first=0.05, longest=5.0)
        self._until = 0.0
        self._away = False

    @property
    def over(self) -> bool:
        """Whether Redis may be asked now."""
        return time.monotonic() >= self._until

    @property
    def away(self) -> bool:
        """Whether the last call failed."""
        return self._away

    def failed(self, error: Exception) -> float:
        """Redis did not take or answer a call: leave it alone for so many seconds as returned."""
        if not self._away:
            logger.warning("Redis does not answer %s (%s): the work is kept, and tried again", self._what, error)
        self._away = True
        pause = self._backoff.next()
        self._until = time.monotonic() + pause
        return pause

    def worked(self) -> None:
        """Redis answered."""
        if self._away:
            logger.info("Redis answers %s again", self._what)
        self._away = False
        self._backoff.reset()
