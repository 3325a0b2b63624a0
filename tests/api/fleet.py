"""The kubelet and the workers that a control plane has not: pods get a status, and workers beat into the real Redis.

`Fleet` goes around every 0.2 s in a thread: it gives each worker pod of the CrawlJobs the status that the test asked
for (`behave`), and lets a simulated worker take requests from the job's queue for each pod that runs.
"""

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import redis
from kubernetes import client
from kubernetes.client import ApiException

from cluster.run import wait_until
from tests.api.simulated_frontier_worker import SimulatedFrontierWorker
from tests.api.simulated_worker import Pace, SimulatedWorker

ROUND_SECONDS = 0.2
WORKERS = "app.kubernetes.io/managed-by=crawlfleet,app.kubernetes.io/component=worker"

Pod = dict[str, Any]


@dataclass(frozen=True)
class Runs:
    """The container runs; the worker beats and takes requests at this pace."""

    pace: Pace = field(default_factory=Pace)


@dataclass(frozen=True)
class Silent:
    """The container has been running for these seconds, and nothing in it beats."""

    seconds: float = 60.0


@dataclass(frozen=True)
class Waits:
    """The container waits: `ImagePullBackOff`, `CreateContainerConfigError`."""

    reason: str
    message: str


@dataclass(frozen=True)
class Exits:
    """The container ended with this code and termination message; kubelet waits before it starts it again."""

    code: int
    message: str
    gives_back: bool = True
    """Whether its worker gave back what it had in hand; a killed one does not."""


@dataclass(frozen=True)
class Unscheduled:
    """The scheduler finds no node, and has not for a minute."""

    message: str


Behaviour = Runs | Silent | Waits | Exits | Unscheduled


class Fleet:
    """All worker pods of one control plane."""

    def __init__(self, api_client: client.ApiClient) -> None:
        self._api: Any = client.CoreV1Api(api_client)
        self._behaviours: dict[tuple[str, str], Behaviour] = {}
        self._shown: dict[str, Behaviour] = {}
        self._workers: dict[str, SimulatedWorker | SimulatedFrontierWorker] = {}
        self._clients: dict[str, redis.Redis] = {}
        self._ended = threading.Event()
        self._rounds = 0
        self.faults: list[str] = []
        """What went wrong in the fleet itself: a test that finds one here is not to be believed."""

    def behave(self, namespace: str, job: str, behaviour: Behaviour) -> None:
        """Have the pods of this job do that from now on, the present ones too. Without a word, they run."""
        self._behaviours[namespace, job] = behaviour

    def until_heard(self) -> None:
        """Return when a whole round has gone by: until then a pod may still do what it was told before."""
        heard = self._rounds + 2  # the round under way had perhaps attended to the pod already
        wait_until(lambda: self._rounds >= heard, "two rounds of the fleet", 20)

    def go_around(self) -> None:
        """Attend to every pod, until the end."""
        while not self._ended.wait(ROUND_SECONDS):
            try:
                self._round()
                self._rounds += 1
            except Exception as error:  # kept for the test to see; the next round may do
                self.faults.append(f"{type(error).__name__}: {error}")

    def end(self) -> None:
        """Have `go_around` return."""
        self._ended.set()

    def _round(self) -> None:
        pods = self._list()
        present = {pod["metadata"]["uid"] for pod in pods}
        for uid in self._workers.keys() - present:
            self._workers.pop(uid).leave()
        for uid in self._shown.keys() - present:
            del self._shown[uid]
        for pod in pods:
            if "deletionTimestamp" not in pod["metadata"]:
                self._attend(pod)
        for worker in self._workers.values():
            worker.step()

    def _list(self) -> list[Pod]:
        answer = self._api.list_pod_for_all_namespaces(label_selector=WORKERS, _preload_content=False)
        pods: list[Pod] = json.loads(answer.data)["items"]
        return pods

    def _attend(self, pod: Pod) -> None:
        metadata = pod["metadata"]
        job = metadata["labels"]["crawlfleet.io/job-name"]
        wanted = self._behaviours.get((metadata["namespace"], job), Runs())
        if isinstance(wanted, Runs) and not self._runs(pod, wanted.pace):
            return
        if not isinstance(wanted, Runs) and (worker := self._workers.pop(metadata["uid"], None)):
            worker.leave() if getattr(wanted, "gives_back", True) else worker.die()
        shown = Runs() if isinstance(wanted, Runs) else wanted
        if self._shown.get(metadata["uid"]) != shown:
            self._show(pod, shown)
            self._shown[metadata["uid"]] = shown

    def _runs(self, pod: Pod, pace: Pace) -> bool:
        """Have a worker in this pod; False while its Secret is missing, which kubelet waits for."""
        uid = pod["metadata"]["uid"]
        if uid not in self._workers:
            url = self._redis_url(pod)
            if url is None:
                return False
            if url not in self._clients:
                self._clients[url] = redis.Redis.from_url(url, decode_responses=True, socket_timeout=2)
            environment = _environment(pod)
            kind = SimulatedFrontierWorker if environment["CRAWLFLEET_ENGINE"] == "Frontier" else SimulatedWorker
            self._workers[uid] = kind(self._clients[url], uid, environment)
        self._workers[uid].pace = pace
        return True

    def _redis_url(self, pod: Pod) -> str | None:
        (variable,) = [each for each in _container(pod)["env"] if each["name"] == "CRAWLFLEET_REDIS_URL"]
        reference = variable["valueFrom"]["secretKeyRef"]
        try:
            answer = self._api.read_namespaced_secret(
                reference["name"], pod["metadata"]["namespace"], _preload_content=False
            )
        except ApiException as error:
            if error.status == 404:
                return None
            raise
        return base64.b64decode(json.loads(answer.data)["data"][reference["key"]]).decode()

    def _show(self, pod: Pod, behaviour: Behaviour) -> None:
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        status = _status(_container(pod)["image"], behaviour)
        try:
            self._api.patch_namespaced_pod_status(name, namespace, {"status": status}, _preload_content=False)
        except ApiException as error:
            if error.status not in (404, 409):
                raise


@contextmanager
def fleet(api_client: client.ApiClient) -> Iterator[Fleet]:
    """Run a fleet in a thread as long as the block."""
    running = Fleet(api_client)
    thread = threading.Thread(target=running.go_around, name="fleet")
    thread.start()
    try:
        yield running
    finally:
        running.end()
        thread.join()


def _container(pod: Pod) -> dict[str, Any]:
    container: dict[str, Any] = pod["spec"]["containers"][0]
    return container


def _environment(pod: Pod) -> dict[str, str]:
    return {each["name"]: each["value"] for each in _container(pod)["env"] if "value" in each}


def _status(image: str, behaviour: Behaviour) -> dict[str, Any]:
    if isinstance(behaviour, Unscheduled):
        condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
        told = {**condition, "message": behaviour.message, "lastTransitionTime": _stamp(60)}
        return {"phase": "Pending", "conditions": [told]}
    running = isinstance(behaviour, Runs | Silent)
    ready = {"type": "Ready", "status": "True" if running else "False", "lastTransitionTime": _stamp()}
    container = {"name": "worker", "image": image, "imageID": "", "ready": running, **_state(behaviour)}
    return {
        "phase": "Running" if running else "Pending",
        "conditions": [ready, {"type": "PodScheduled", "status": "True"}],
        "containerStatuses": [{"restartCount": 0, **container}],
    }


def _state(behaviour: Runs | Silent | Waits | Exits) -> dict[str, Any]:
    match behaviour:
        case Runs():
            return {"state": {"running": {"startedAt": _stamp()}}}
        case Silent(seconds):
            return {"state": {"running": {"startedAt": _stamp(seconds)}}}
        case Waits(reason, message):
            return {"state": {"waiting": {"reason": reason, "message": message}}}
        case Exits(code, message, _):
            ended = {"exitCode": code, "reason": "Error", "message": message, "finishedAt": _stamp()}
            waiting = {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed container"}
            return {"restartCount": 1, "state": {"waiting": waiting}, "lastState": {"terminated": ended}}


def _stamp(seconds_ago: float = 0.0) -> str:
    return (datetime.fromtimestamp(time.time(), tz=UTC) - timedelta(seconds=seconds_ago)).strftime("%Y-%m-%dT%H:%M:%SZ")
