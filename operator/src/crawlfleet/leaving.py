"""Having the pods of a job leave within seconds once the job is gone, whatever grace they were started with.

A pod is only hastened when it is on its way out: one deleted earlier would be made again by its ReplicaSet or
StatefulSet, which Kubernetes' garbage collector takes away in its own time.
"""

import asyncio
from typing import Final

from crawlfleet.job import Body
from crawlfleet.ports import Cluster

GRACE_SECONDS: Final = 10


async def hasten(cluster: Cluster, namespace: str, label_selector: str) -> bool:
    """Shorten the grace of the terminating pods to 10 s; returns whether any pod is left."""
    pods = await cluster.list("Pod", namespace, label_selector)
    slow = [pod["metadata"] for pod in pods if _is_slow(pod)]
    await asyncio.gather(*(_shorten(cluster, namespace, pod["name"], pod["uid"]) for pod in slow))
    return bool(pods)


async def _shorten(cluster: Cluster, namespace: str, name: str, uid: str) -> None:
    # By its UID: the next job of this name may have a pod of this name by now.
    await cluster.delete("Pod", namespace, name, uid=uid, grace_seconds=GRACE_SECONDS)


def _is_slow(pod: Body) -> bool:
    metadata = pod["metadata"]
    leaving = "deletionTimestamp" in metadata
    return leaving and int(metadata.get("deletionGracePeriodSeconds") or 0) > GRACE_SECONDS
