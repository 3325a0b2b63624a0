"""Redis' time of day steps by an hour, forward or back."""

import random
import time

from benchmarks.chaos.faults.blows import Blow, blow, leased
from benchmarks.chaos.operating import Operator
from benchmarks.chaos.scene import Scene


def step(scene: Scene, operator: Operator, numbers: random.Random) -> Blow:
    """Step by one hour; in every second run also back again."""
    hours, returns = numbers.choice((-1, 1)), numbers.random() < 0.5
    if scene.clock is None:
        raise RuntimeError("this scenario has no movable clock")
    with scene.still:
        struck = blow(scene, "clock-step", leased(operator), f"{hours:+d} h{', and back' if returns else ''}")
        scene.clock.move(hours * 3600)
    if returns:
        time.sleep(numbers.uniform(0.5, 5.0))
        scene.clock.move(-hours * 3600)
    return struck
