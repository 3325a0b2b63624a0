"""A page that kills each worker that gets it."""

import random

from benchmarks.chaos.faults.blows import Blow, blow, held_by, wait_for
from benchmarks.chaos.operating import Operator
from benchmarks.chaos.scene import MAX_LOSSES, Scene


def poison_page(scene: Scene, operator: Operator, _: random.Random) -> Blow:
    """Make the next page without links kill its worker, and every further one, until it is given up."""
    scene.set_trap("poison")
    struck = blow(scene, "poison-page", 0, "", "no worker got it")
    for number in range(MAX_LOSSES):
        if wait_for(lambda number=number: len(scene.caught("poison")) > number) is None:  # type: ignore[misc]
            struck.void = f"only {number} workers got it"
            break
        url, victim = scene.caught("poison")[number]
        with scene.still:
            wait_for(lambda victim=victim: not victim.runs, 10)  # type: ignore[misc]
            held = held_by(operator, [victim])
        if number == 0:
            struck = blow(scene, "poison-page", held, "")
        else:
            struck.held += held
        struck.proof = f"{number + 1} workers died of {url}"
    return struck
