"""The wire between workers and Redis: replies that get lost after the call was carried out, connections that stall."""

import random

from benchmarks.chaos.faults.blows import Blow, blow, leased
from benchmarks.chaos.operating import Operator
from benchmarks.chaos.scene import Scene
from tests.servers.faulty_proxy import Fate, FaultyProxy, every_nth

SCRIPTS = b"EVAL"


def lost_replies(scene: Scene, operator: Operator, _: random.Random) -> Blow:
    """Lose every tenth reply from now to the crawl's end, and with each its connection."""
    with scene.still:
        struck = blow(scene, "lost-replies", leased(operator), "every tenth reply from here to the end")
        _proxy(scene).decide = every_nth(10, Fate.LOSE, among=SCRIPTS)
    return struck


def stalled_connection(scene: Scene, operator: Operator, numbers: random.Random) -> Blow:
    """Let one to three connections stand open without a reply."""
    with scene.still:
        count = numbers.randrange(1, 4)
        struck = blow(scene, "stalled-connection", leased(operator), f"{count} connections stall")
        _stall(_proxy(scene), count)
    return struck


def _stall(proxy: FaultyProxy, count: int) -> None:
    before, left = proxy.decide, [count]

    def decide(request: bytes) -> Fate:
        if left[0] and SCRIPTS in request:
            left[0] -= 1
            return Fate.STALL
        return before(request)

    proxy.decide = decide


def _proxy(scene: Scene) -> FaultyProxy:
    if scene.proxy is None:
        raise RuntimeError("this scenario has no proxy")
    return scene.proxy
