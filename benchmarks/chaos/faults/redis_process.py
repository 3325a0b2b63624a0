"""Redis' process: killed under load, killed with the end of its file cut off, away for a while."""

import random
import time
from collections.abc import Mapping
from typing import Final

from benchmarks.chaos.faults.blows import Blow, blow, insist, leased, wait_for
from benchmarks.chaos.operating import Operator
from benchmarks.chaos.scene import Scene
from benchmarks.monotonic import now_us

LONGEST_AWAY_SECONDS: Final = 60.0


def kill(scene: Scene, operator: Operator, numbers: random.Random) -> Blow:
    """SIGKILL, and up again with the file as it was."""
    with scene.still:
        struck = blow(scene, "redis-kill", leased(operator), "")
        scene.server.kill()
    time.sleep(numbers.uniform(0.0, 0.5))
    scene.server.start()
    struck.proof = f"killed with {struck.held} leases, back after {(now_us() - struck.at_us) / 1e6:.1f} s"
    return struck


def cut_tail(scene: Scene, operator: Operator, numbers: random.Random) -> Blow:
    """SIGKILL, and the last part of the file is gone, in the middle of a record as a rule."""
    seconds = numbers.uniform(0.05, 1.5)
    with scene.still:
        struck = blow(scene, "cut-tail", leased(operator), "")
        wait_for(lambda: insist(lambda: all_written(operator.client.info("persistence"))))
        before = scene.server.append_only_file().stat().st_size
        time.sleep(seconds)
        scene.server.kill()
        file, hits = scene.server.append_only_file(), len(scene.site.hits)
        written = file.stat().st_size - before
        kept = before + int(written * numbers.uniform(0.0, 0.3))
        with file.open("r+b") as tail:
            tail.truncate(kept)
        scene.server.start()
    struck.window = hits - struck.hits
    struck.proof = (
        f"{written - (kept - before)} bytes of the last {seconds:.2f} s cut off, {struck.window} requests in it"
    )
    struck.void = struck.void or ("" if written else "nothing was written meanwhile")
    return struck


def away(scene: Scene, operator: Operator, numbers: random.Random) -> Blow:
    """Gone (killed), or silent (stopped, with its connections open), for 1 to 60 s."""
    seconds, silent = LONGEST_AWAY_SECONDS ** numbers.random(), numbers.random() < 0.5
    with scene.still:
        struck = blow(scene, "redis-away", leased(operator), f"{'silent' if silent else 'gone'} for {seconds:.1f} s")
        if silent:
            scene.server.pause()
        else:
            scene.server.kill()
    time.sleep(seconds)
    if silent:
        scene.server.resume()
    else:
        scene.server.start()
    return struck


def all_written(persistence: Mapping[str, object]) -> bool:
    """Whether the file has all that Redis knows: where an fsync takes long, it holds its writes back for up to 2 s."""
    return persistence["aof_buffer_length"] == 0
