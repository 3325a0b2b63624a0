"""SIGSTOP of a worker until its leases are taken from it, then SIGCONT."""

import random
import signal
from typing import Final

from redis.exceptions import RedisError

from benchmarks.chaos.faults.blows import Blow, blow, held_by, wait_for
from benchmarks.chaos.operating import Operator
from benchmarks.chaos.scene import Pod, Scene
from crawlfleet_frontier.errors import NoSentinel

FENCED_SECONDS: Final = 90.0


def sigstop(scene: Scene, operator: Operator, numbers: random.Random) -> Blow:
    """Stop one worker for longer than its lease, which another worker or the operator finds out."""
    with scene.still:
        victim = numbers.choice(scene.running())
        victim.worker.process.send(signal.SIGSTOP)
        struck = blow(scene, "sigstop", held_by(operator, [victim]), "")
    fenced = wait_for(lambda: _is_fenced(operator, victim), FENCED_SECONDS, 0.1)
    victim.worker.process.send(signal.SIGCONT)
    struck.proof = f"{victim.name} stood still with {struck.held} leases, fenced: {bool(fenced)}"
    struck.void = struck.void or ("" if fenced else "it was not taken for lost")
    return struck


def _is_fenced(operator: Operator, victim: Pod) -> bool:
    try:
        workers = operator.look().workers
    except (RedisError, OSError):
        return False
    except NoSentinel:
        return True
    return not any(worker.epoch.partition(":")[0] == victim.name for worker in workers)
