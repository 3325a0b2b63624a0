"""The operator's part, played by rules like those of `operator/src/crawlfleet/policies`: it looks, and acts.

It reaps what a pod that is gone held and frees its slots (`lost_workers`), moves the clock where no worker does
(`frontier_upkeep`), and closes the frontier at its end, seen twice (`finish`); a pod that died comes back as the
scenario says. Every look is also the judge's: the numbers must balance, and a missing sentinel is reported for good.
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import redis
from redis.exceptions import RedisError

from benchmarks.chaos.scene import Pod, Scene
from crawlfleet_frontier.calls import ScriptCall
from crawlfleet_frontier.client.blocking import run
from crawlfleet_frontier.errors import FrontierError, NoSentinel
from crawlfleet_frontier.pace import calls as pace
from crawlfleet_frontier.pace import replies as pace_replies
from crawlfleet_frontier.pace.keys import PaceKeys
from crawlfleet_frontier.store import calls, replies
from crawlfleet_frontier.store.replies import StoreSnapshot

LOOK_SECONDS: Final = 0.5
FRESH_SECONDS: Final = 3.0
"""A beat that is younger does not let a worker be taken for dead, whatever its pod says."""
STILL_SECONDS: Final = 0.9
IDLE_SECONDS: Final = 1.0
STATES: Final = ("queued", "delayed", "leased", "done", "dead")


@dataclass
class Operator:
    """The operator of one run, in a thread of its own."""

    scene: Scene
    looks: int = 0
    gaps: int = 0
    """Looks that Redis did not answer."""
    unbalanced: list[dict[str, int]] = field(default_factory=list)
    """Snapshots in which admitted is not the sum of the states."""
    reported: bool = False
    """Whether the sentinel was found missing: FrontierIntact=False, never complete."""
    complete: bool = False
    last: StoreSnapshot | None = None
    trouble: str = ""
    """Why its thread ended before its time; empty where it did not."""
    _highest_done: int = 0
    _idle_mark: int = -1
    _idle_since: float = 0.0
    _ticked: float = 0.0
    _died: dict[str, float] = field(default_factory=dict)
    _heard: dict[str, float] = field(default_factory=dict)
    """Epochs that may still hold slots, and when each was last heard."""
    _stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._keys, self._pace_keys = self.scene.job.store, PaceKeys(self.scene.job.uid)
        self._seed_key = self.scene.job.seeds.get("key", "")
        self._client = self.scene.server.client(decode_responses=False, socket_timeout=2)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Operator":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(20)
        self._client.close()

    @property
    def client(self) -> "redis.Redis":
        """The operator's own connection."""
        return self._client

    def look(self) -> StoreSnapshot:
        """Look once; raises NoSentinel, RedisError."""
        return replies.read_snapshot(self.call(calls.snapshot(self._keys, self._seed_key)))

    def call(self, call: ScriptCall) -> bytes:
        """Send one call of a script."""
        return run(self._client, call)

    def _run(self) -> None:
        try:
            while not self._stop.wait(LOOK_SECONDS):
                with self.scene.still:
                    self._tend_pods()
                    self._reconcile()
        except Exception as error:
            self.trouble = f"{type(error).__name__}: {error}"

    def _reconcile(self) -> None:
        self.looks += 1
        try:
            self.last = look = self.look()
            self._judge(look)
            self._upkeep(look)
            self._finish(look)
        except NoSentinel:
            self.reported = True
        except (RedisError, FrontierError, OSError):
            self.gaps += 1
            self._idle_mark = -1

    def _judge(self, look: StoreSnapshot) -> None:
        if look.number("admitted") != sum(map(look.number, STATES)):
            self.unbalanced.append({name: look.number(name) for name in ("admitted", *STATES)})
        self._highest_done = max(self._highest_done, look.number("done"))

    # Pods: what kubelet and Deployment do.

    def _tend_pods(self) -> None:
        now = time.monotonic()
        for pod in list(self.scene.pods):
            if pod.runs:
                self._died.pop(pod.name, None)
            elif pod.wanted:
                self._tend_dead(pod, now)

    def _tend_dead(self, pod: Pod, now: float) -> None:
        if pod.name not in self._died:
            self._died[pod.name] = now
            self.scene.ends.append(pod.worker.process.code() or 0)
        scenario = self.scene.scenario
        if now - self._died[pod.name] < scenario.comeback_seconds:
            return
        if scenario.comeback == "restart" or "poison-page" in scenario.faults:
            self.scene.start(pod.name)
        else:
            pod.wanted = False
            if scenario.comeback == "replace" or not self.scene.running():
                self.scene.start()

    # The frontier's upkeep.

    def _upkeep(self, look: StoreSnapshot) -> None:
        still = look.time - float(look.meta["lease_last"]) / 1000
        self._clear_up(look, still)
        if (look.number("leased") or look.number("delayed")) and still >= STILL_SECONDS:
            now = time.monotonic()
            elapsed = now - self._ticked if 0 < now - self._ticked < 30 else 0
            self._ticked = now
            self.call(calls.tick(self._keys, int(elapsed * 1000)))

    def _clear_up(self, look: StoreSnapshot, still: float) -> None:
        """Reap what ended pods held, and free their slots."""
        now = time.monotonic()
        ages = {worker.epoch: worker.silent_ms / 1000 + max(0.0, still) for worker in look.workers}
        self._heard |= {epoch: now - age for epoch, age in ages.items()}
        gone = [epoch for epoch, at in self._heard.items() if now - at > FRESH_SECONDS and self._has_ended(epoch)]
        for epoch in gone:
            self.call(calls.reap(self._keys, epoch, blame=self._is_blamed(epoch)))
        self._reap_silent(look, ages)
        while gone and pace_replies.read_freed(self.call(pace.confirm_dead(self._pace_keys, gone, []))):
            pass
        for epoch in gone:
            del self._heard[epoch]

    def _reap_silent(self, look: StoreSnapshot, ages: Mapping[str, float]) -> None:
        """Do what live workers do for each other, where there is none."""
        silence = float(look.meta["silence_ms"]) / 1000
        ownerless = look.number("leased") > sum(worker.held for worker in look.workers)
        if any(age <= FRESH_SECONDS for age in ages.values()):
            return
        if ownerless or any(age > silence for age in ages.values()):
            self.call(calls.reap(self._keys))

    def _pod_of(self, epoch: str) -> Pod | None:
        name = epoch.partition(":")[0]
        return next((pod for pod in self.scene.pods if pod.name == name), None)

    def _has_ended(self, epoch: str) -> bool:
        pod = self._pod_of(epoch)
        return pod is None or not pod.runs

    def _is_blamed(self, epoch: str) -> bool:
        pod = self._pod_of(epoch)
        return pod is not None and pod.wanted

    # The end.

    def _finish(self, look: StoreSnapshot) -> None:
        if look.meta["state"] == "closed":
            self.complete = not self.reported
            return
        rest = sum(map(look.number, ("queued", "delayed", "leased"))) + max(0, look.seeds)
        behind = look.number("done") < self._highest_done
        if rest or behind or self.reported or look.meta["seed_state"] != "seeded":
            self._idle_mark = -1
            return
        now, admitted = time.monotonic(), look.number("admitted")
        if self._idle_mark != admitted:
            self._idle_mark, self._idle_since = admitted, now
        elif now - self._idle_since >= IDLE_SECONDS:
            self.call(calls.close(self._keys, admitted, self._seed_key))
