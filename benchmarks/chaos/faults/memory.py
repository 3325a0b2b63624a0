"""Redis' memory limit is reached, and raised a while later."""

import random
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from benchmarks.chaos.faults.blows import Blow, blow, insist, leased
from benchmarks.chaos.operating import Operator
from benchmarks.chaos.scene import Scene

LONGEST_SECONDS: Final = 12.0
LOOK_SECONDS: Final = 0.002


def memory_limit(scene: Scene, operator: Operator, numbers: random.Random) -> Blow:
    """Let there be room for next to nothing more, for 2 to 12 s.

    With some room left, leasing stops before anything is refused; where something is, that is the moment that counts.
    """
    room, seconds = numbers.choice((0, 20_000, 100_000)), numbers.uniform(2.0, LONGEST_SECONDS)
    with scene.still:
        struck = blow(scene, "memory-limit", leased(operator), "")
        before = insist(lambda: _refusals(operator))
        used = int(insist(lambda: operator.client.info("memory"))["used_memory"])
        insist(lambda: operator.client.config_set("maxmemory", used + room))
    end = time.monotonic() + seconds
    held = held_when(
        lambda: insist(lambda: _refusals(operator)) != before, lambda: insist(lambda: leased(operator)), end
    )
    struck.held = struck.held if held is None else held
    time.sleep(max(0.0, end - time.monotonic()))
    insist(lambda: operator.client.config_set("maxmemory", 0))
    struck.proof = f"{room} bytes of room for {seconds:.1f} s, calls refused: {held is not None}"
    return struck


def held_when(refused: Callable[[], bool], held: Callable[[], int], end: float) -> int | None:
    """Return how many leases were held when the first call was refused; None where none was before `end` (monotonic s).

    A worker gives back at once what was refused, maybe before the refusal is seen here: of the looks around that moment
    the one that found most counts.
    """
    looks = deque([held()], maxlen=2)
    while not refused():
        if time.monotonic() >= end:
            return None
        looks.append(held())
        time.sleep(LOOK_SECONDS)
    return max(*looks, held())


def _refusals(operator: Operator) -> int:
    """Return how often Redis refused for want of memory since it was started."""
    found = operator.client.info("errorstats").get("errorstat_OOM", {})
    return int(found.get("count", 0))
