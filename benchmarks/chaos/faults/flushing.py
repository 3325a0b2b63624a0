"""FLUSHALL: the frontier is gone, and nobody may take the zeros for an end."""

import random

from benchmarks.chaos.faults.blows import Blow, blow, insist, leased
from benchmarks.chaos.operating import Operator
from benchmarks.chaos.scene import Scene


def flushall(scene: Scene, operator: Operator, _: random.Random) -> Blow:
    """Empty Redis."""
    with scene.still:
        struck = blow(scene, "flushall", leased(operator), "emptied")
        insist(operator.client.flushall)
    return struck
