"""When does the engine look for the next request? In the loop's next turn, without a timer for it.

Stands for `CallLaterOnce.schedule` of the engine's slot: several for every page.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from scrapy.utils.reactor import CallLaterOnce

from crawlfleet_worker.fast.stock import put


def quicken(nextcall: Any, loop: asyncio.AbstractEventLoop) -> None:  # noqa: ANN401 - the engine's for its next look
    """Let the engine's next look come without a timer, where it is Scrapy's own."""
    if type(nextcall) is CallLaterOnce and "schedule" not in vars(nextcall):
        put(nextcall, "schedule", soon(nextcall, loop))


def soon(nextcall: Any, loop: asyncio.AbstractEventLoop) -> Callable[..., None]:  # noqa: ANN401 - a CallLaterOnce
    """Return its `schedule`, which needs no timer for the loop's next turn."""
    later = nextcall.schedule

    def schedule(delay: float = 0) -> None:
        if nextcall._call is not None:
            return
        if delay:
            later(delay)
        else:
            nextcall._call = loop.call_soon(nextcall)

    return schedule
