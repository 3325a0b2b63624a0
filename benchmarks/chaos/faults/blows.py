"""What is known of a fault once it has struck: when, what was in flight, and whether that is proven."""

import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeVar

from redis.exceptions import RedisError

from benchmarks.chaos.operating import Operator
from benchmarks.chaos.scene import Pod, Scene
from benchmarks.monotonic import now_us
from crawlfleet_frontier.errors import NoSentinel

ANSWER_SECONDS: Final = 120.0
TRAP_SECONDS: Final = 120.0

Result = TypeVar("Result")


@dataclass(slots=True)
class Blow:
    """One fault that has struck."""

    fault: str
    at_us: int
    hits: int
    """Requests that had begun at the site."""
    held: int
    """Leases in flight that the fault touched: the repeats that it may cost."""
    window: int = 0
    """Further repeats that it may cost: what was fetched in the time that a cut file lost."""
    proof: str = ""
    void: str = ""
    """Why the fault did not happen as it was meant to; empty where it did."""


Strike = Callable[[Scene, Operator, random.Random], Blow]


def blow(scene: Scene, fault: str, held: int, proof: str, void: str = "") -> Blow:
    """Return a blow of this moment."""
    return Blow(
        fault, now_us(), len(scene.site.hits), held, proof=proof, void=void or ("" if held else "no lease held")
    )


def insist(action: Callable[[], Result]) -> Result:
    """Carry out what another fault may hinder: again until Redis answers."""
    deadline = time.monotonic() + ANSWER_SECONDS
    while True:
        try:
            return action()
        except (RedisError, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def leased(operator: Operator) -> int:
    """Return how many requests are leased; 0 where Redis was emptied."""
    try:
        return insist(operator.look).number("leased")
    except NoSentinel:
        return 0


def held_by(operator: Operator, pods: Iterable[Pod]) -> int:
    """Return how many leases the epochs of these pods hold; 0 where Redis was emptied."""
    names = {pod.name for pod in pods}
    try:
        look = insist(operator.look)
    except NoSentinel:
        return 0
    return sum(worker.held for worker in look.workers if worker.epoch.partition(":")[0] in names)


def wait_for(condition: Callable[[], Result], seconds: float = TRAP_SECONDS, pause: float = 0.01) -> Result | None:
    """Return the condition's value once it is true; None where it is not in time."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            return None
        time.sleep(pause)
    return value
