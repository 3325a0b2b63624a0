"""Two workers die on the way: whose turn it is, when, and how a process of the cluster is killed.

On the bundled node the worker's process gets SIGKILL, as from the kernel when memory is short: no signal handler, no
last word. On a cluster of yours the demo has no hand on processes: the pod is deleted with a grace of one second.
"""

import os
import signal
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from demo.crawl import NAMESPACE
from demo.errors import DemoError
from demo.kube import Kube
from demo.watch import Sample

AFTER_PAGES: Final = (1000, 2500)
"""Of about 5,000: a worker is killed at the first look that finds so many done and others at work."""
WORKER: Final = "worker"
"""The name of the container."""


@dataclass
class Kills:
    """Kills a ready worker at each of the moments; told each sample of the crawl."""

    kube: Kube
    job: str
    moments: Sequence[int] = AFTER_PAGES
    killed: list[str] = field(default_factory=list)

    def strike(self, sample: Sample) -> Sample:
        """Return the sample, with the name of the pod whose worker was killed because of it."""
        if not due(sample, self.moments, len(self.killed)):
            return sample
        pod = victim(self.kube.json(*_pods_of(self.job))["items"], self.killed)
        if pod is None or not kill(self.kube, pod):
            return sample
        self.killed.append(pod["metadata"]["name"])
        return replace(sample, killed=self.killed[-1])

    def faults(self) -> Iterable[str]:
        """Yield, in words, if fewer were killed than planned."""
        if len(self.killed) < len(self.moments):
            yield f"{len(self.killed)} of {len(self.moments)} workers were killed on the way: the crawl was too quick"


def due(sample: Sample, moments: Sequence[int], killed: int) -> bool:
    """Return whether it is time: so many pages done, requests in flight, another worker left."""
    left = moments[killed:]
    return bool(left) and sample.done >= left[0] and sample.in_flight > 0 and sample.ready >= 2


def victim(pods: Iterable[Mapping[str, Any]], killed: Iterable[str]) -> Mapping[str, Any] | None:
    """Return the first pod, by name, whose worker is ready, and was not killed before."""
    ready = [pod for pod in pods if _is_ready(pod) and pod["metadata"]["name"] not in killed]
    return min(ready, key=lambda pod: str(pod["metadata"]["name"]), default=None)


def kill(kube: Kube, pod: Mapping[str, Any], proc: Path = Path("/proc")) -> bool:
    """Kill the pod's worker; return whether there was one."""
    if os.environ.get("CLUSTER") == "current":
        name = pod["metadata"]["name"]
        kube.run("delete", "pod", name, "-n", NAMESPACE, "--grace-period=1", "--wait=false")
        return True
    found = processes(proc, str(pod["metadata"]["uid"]), _container_id(pod))
    for pid in found:
        os.kill(pid, signal.SIGKILL)
    return bool(found)


def processes(proc: Path, pod_uid: str, container_id: str) -> list[int]:
    """Return the processes of the container, as this machine numbers them."""
    group = f"/pod{pod_uid}/{container_id}"
    return [int(folder.name) for folder in proc.glob("[0-9]*") if group in _cgroups(folder)]


def _cgroups(folder: Path) -> str:
    try:
        return (folder / "cgroup").read_text(encoding="utf-8")
    except OSError:  # it has just ended
        return ""


def _pods_of(job: str) -> tuple[str, ...]:
    return ("get", "pods", "-n", NAMESPACE, "-l", f"crawlfleet.io/job-name={job},app.kubernetes.io/component=worker")


def _is_ready(pod: Mapping[str, Any]) -> bool:
    conditions = pod.get("status", {}).get("conditions") or ()
    leaving = "deletionTimestamp" in pod["metadata"]
    return not leaving and any((c["type"], c["status"]) == ("Ready", "True") for c in conditions)


def _container_id(pod: Mapping[str, Any]) -> str:
    statuses = pod["status"].get("containerStatuses") or ()
    for status in statuses:
        if status["name"] == WORKER:
            return str(status.get("containerID", "")).rpartition("/")[2]
    raise DemoError(f"pod {pod['metadata']['name']} has no container named {WORKER}")
