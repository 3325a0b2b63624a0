"""SIGKILL of a worker: with a request on the wire, in the middle of a callback, between callback and settle."""

import random
from typing import Final

import redis

from benchmarks.chaos.faults.blows import Blow, blow, held_by, insist, wait_for
from benchmarks.chaos.operating import Operator
from benchmarks.chaos.scene import Pod, Scene
from benchmarks.monotonic import now_us

OPEN_SECONDS: Final = 30.0


def in_download(scene: Scene, operator: Operator, numbers: random.Random) -> Blow:
    """Kill a worker while the site answers a request of its."""
    pods = scene.running()
    numbers.shuffle(pods)
    victim = wait_for(lambda: next((pod for pod in pods if scene.site.open_of(pod.name)), None), OPEN_SECONDS, 0.001)
    if victim is None:
        return blow(scene, "kill-in-download", 0, "", "no worker has a request on the wire")
    with scene.still:
        at = now_us()
        scene.kill(victim)
        mine = [hit for hit in scene.site.log() if hit.worker == victim.name and hit.began_us < at]
        on_the_wire = sum(1 for hit in mine if not hit.ended_us or hit.ended_us > at)
        held = held_by(operator, [victim])
    proof = f"{victim.name} killed with {on_the_wire} requests on the wire and {held} leases"
    return blow(scene, "kill-in-download", held, proof, "" if on_the_wire else "nothing was on the wire")


def in_callback(scene: Scene, operator: Operator, _: random.Random) -> Blow:
    """Let a worker die in its callback, half of its links given."""
    return _sprung(scene, operator, "kill-in-callback", "callback")


def before_settle(scene: Scene, operator: Operator, _: random.Random) -> Blow:
    """Let a worker die when its callback has ended and its lease stands."""
    return _sprung(scene, operator, "kill-before-settle", "settle")


def _sprung(scene: Scene, operator: Operator, fault: str, trap: str) -> Blow:
    scene.set_trap(trap)
    if not wait_for(lambda: scene.caught(trap)):
        return blow(scene, fault, 0, "", "no worker came by the trap")
    url, victim = scene.caught(trap)[0]
    with scene.still:
        wait_for(lambda: not victim.runs, 10)
        held = held_by(operator, [victim])
        stands = insist(lambda: is_leased(operator.client, scene, victim, url))
    proof = f"{victim.name} died with {url} in hand, its lease {'stands' if stands else 'is gone'}, {held} leases"
    return blow(scene, fault, held, proof, "" if stands else "the page was settled already")


def is_leased(client: "redis.Redis", scene: Scene, pod: Pod, url: str) -> bool:
    """Whether an epoch of this pod holds the request of this URL (keys: docs/frontier.md)."""
    pattern = f"{scene.job.store.prefix}l:{pod.name}:*"
    rows = [value for key in client.scan_iter(pattern, count=1000) for value in client.hvals(key)]
    return any(url.encode() in value for value in rows)
