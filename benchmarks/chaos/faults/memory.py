"""Redis' memory limit is reached, and raised a while later."""

import random
import time
from typing import Final

from benchmarks.chaos.faults.blows import Blow, blow, insist, leased, wait_for
from benchmarks.chaos.operating import Operator
from benchmarks.chaos.scene import Scene

LONGEST_SECONDS: Final = 12.0


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
    refused = wait_for(lambda: insist(lambda: _refusals(operator)) != before, seconds, 0.002)
    struck.held = leased(operator) if refused else struck.held
    time.sleep(max(0.0, end - time.monotonic()))
    insist(lambda: operator.client.config_set("maxmemory", 0))
    struck.proof = f"{room} bytes of room for {seconds:.1f} s, calls refused: {bool(refused)}"
    return struck


def _refusals(operator: Operator) -> int:
    """Return how often Redis refused for want of memory since it was started."""
    found = operator.client.info("errorstats").get("errorstat_OOM", {})
    return int(found.get("count", 0))
