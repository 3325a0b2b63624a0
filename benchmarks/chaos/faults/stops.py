"""SIGTERM: one worker told to go, or the whole fleet and a new one after it."""

import random
import time
from typing import Final

from benchmarks.chaos.faults.blows import Blow, blow, held_by, wait_for
from benchmarks.chaos.operating import Operator
from benchmarks.chaos.scene import Pod, Scene

LEAVE_SECONDS: Final = 120.0
"""The grace is 10 s; a worker that another fault stopped cannot begin to leave before that is over."""


def sigterm(scene: Scene, operator: Operator, numbers: random.Random) -> Blow:
    """Stop one worker for good, and start another one in its place."""
    with scene.still:
        victim = numbers.choice(scene.running())
        struck = blow(scene, "sigterm", held_by(operator, [victim]), f"{victim.name} told to go")
        _tell_to_go(victim)
    _wait_for_ends(scene, [victim])
    with scene.still:
        scene.start()
    return struck


def scale_to_zero(scene: Scene, operator: Operator, numbers: random.Random) -> Blow:
    """Stop all workers; after a while start as many."""
    with scene.still:
        fleet = scene.running()
        struck = blow(scene, "scale-to-zero", held_by(operator, fleet), f"{len(fleet)} workers told to go")
        for pod in fleet:
            _tell_to_go(pod)
    _wait_for_ends(scene, fleet)
    time.sleep(numbers.uniform(0.1, 3.0))
    with scene.still:
        for _ in fleet:
            scene.start()
    return struck


def _tell_to_go(pod: Pod) -> None:
    pod.wanted = False
    pod.worker.terminate()


def _wait_for_ends(scene: Scene, pods: list[Pod]) -> None:
    if wait_for(lambda: not any(pod.runs for pod in pods), LEAVE_SECONDS) is None:
        raise AssertionError(f"told to go {LEAVE_SECONDS:.0f} s ago, and still there: {[pod.name for pod in pods]}")
    scene.ends += [pod.worker.process.code() or 0 for pod in pods]
