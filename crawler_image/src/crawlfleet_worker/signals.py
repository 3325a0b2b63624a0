"""What does SIGTERM mean now? Before the crawl runs: end at once. Later: drain.

As a container's first process a worker gets no default action for SIGTERM, so the handler comes before all
else.
"""

import signal
from collections.abc import Callable
from types import FrameType


class Stop:
    """The handler of SIGTERM and SIGINT."""

    def __init__(self) -> None:
        self.requested = False
        self._drain: Callable[[], None] | None = None

    def install(self) -> None:
        """Handle both signals from now on."""
        signal.signal(signal.SIGTERM, self._handle)
        signal.signal(signal.SIGINT, self._handle)

    def hand_over(self, drain: Callable[[], None]) -> None:
        """From now on a signal calls `drain`."""
        self._drain = drain

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        self.requested = True
        if self._drain is None:
            raise SystemExit(0)
        self._drain()
