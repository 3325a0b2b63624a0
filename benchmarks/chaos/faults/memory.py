"""Redis' memory limit is reached, and raised a while later."""

import random
import time
from typing import Final

from benchmarks.chaos.faults.blows import Blow, blow, insist, leased
from benchmarks.chaos.operating import Operator
from benchmarks.chaos.scene import Scene

LONGEST_SECONDS: Final = 12.0


def memory_limit(scene: Scene, operator: Operator, numbers: random.Random) -> Blow:
    """Let there be room for next to nothing more, for 2 to 12 s."""
    room, seconds = numbers.choice((0, 20_000, 100_000)), numbers.uniform(2.0, LONGEST_SECONDS)
    with scene.still:
        struck = blow(scene, "memory-limit", leased(operator), f"{room} bytes of room for {seconds:.1f} s")
        used = int(insist(lambda: operator.client.info("memory"))["used_memory"])
        insist(lambda: operator.client.config_set("maxmemory", used + room))
    time.sleep(seconds)
    insist(lambda: operator.client.config_set("maxmemory", 0))
    return struck
