"""What the watches last showed: jobs by key, children by job UID. Good for looking around, not for deleting."""

import sys
from collections.abc import Iterator
from typing import Any, Final

from crawlfleet import names
from crawlfleet.job import Body, Job
from crawlfleet.observed import Children

Key = tuple[str, str]
"""Namespace and name of a CrawlJob."""

_POD_STATUS: Final = ("phase", "conditions", "containerStatuses")
_SHARED_LENGTH: Final = 128
"""Characters; longer texts are hardly ever equal."""


class Cache:
    """The last seen state of jobs and children."""

    def __init__(self) -> None:
        self._jobs: dict[Key, Job] = {}
        self._children: dict[str, dict[tuple[str, str], Body]] = {}

    def __len__(self) -> int:
        """Return the number of jobs."""
        return len(self._jobs)

    def jobs(self) -> Iterator[Job]:
        """Iterate over the jobs."""
        return iter(tuple(self._jobs.values()))

    def job(self, key: Key) -> Job | None:
        """Return the job of this key, or None."""
        return self._jobs.get(key)

    def put_job(self, body: Body) -> Job:
        """Keep a job, unless a newer version of it is here already."""
        job = Job(_without_managed_fields(body))
        key = (job.namespace, job.name)
        known = self._jobs.get(key)
        if known and known.uid == job.uid and _version(known.body) > _version(job.body):
            return known
        self._jobs[key] = job
        return job

    def drop_job(self, key: Key, uid: str) -> bool:
        """Drop the job, unless the key belongs to another one by now; returns whether it was dropped."""
        known = self._jobs.get(key)
        if known is None or known.uid != uid:
            return False
        del self._jobs[key]
        self._children.pop(uid, None)
        return True

    def put_child(self, body: Body) -> None:
        """Keep a child, trimmed to what is looked at, unless a newer version of it is here already."""
        known = self._children.setdefault(job_uid(body), {})
        key = (body["kind"], body["metadata"]["name"])
        if key not in known or _version(known[key]) <= _version(body):
            known[key] = _trimmed(body)

    def drop_child(self, body: Body) -> None:
        """Drop a child."""
        known = self._children.get(job_uid(body), {})
        known.pop((body["kind"], body["metadata"]["name"]), None)
        if not known:
            self._children.pop(job_uid(body), None)

    def children(self, job: Job, *, secret_exists: bool) -> Children:
        """Return what the watches showed of a job's children."""
        known = self._children.get(job.uid, {})
        redis = names.redis_name(job.name)
        pods = [body for (kind, _), body in known.items() if kind == "Pod"]
        return Children(
            deployment=known.get(("Deployment", names.worker_name(job.name))),
            statefulset=known.get(("StatefulSet", redis)),
            service=known.get(("Service", redis)),
            secret_exists=secret_exists,
            worker_pods=tuple(pod for pod in pods if _is(pod, names.WORKER)),
            redis_pods=tuple(pod for pod in pods if _is(pod, names.REDIS)),
        )


def job_uid(body: Body) -> str:
    """Return the UID of the job that a child belongs to, by its label."""
    return str((body["metadata"].get("labels") or {}).get(names.JOB_UID_LABEL, ""))


def _is(pod: Body, component: str) -> bool:
    return bool(pod["metadata"]["labels"].get(names.COMPONENT_LABEL) == component)


def _version(body: Body) -> int:
    return int(body["metadata"].get("resourceVersion") or 0)


def _without_managed_fields(body: Body) -> dict[str, Any]:
    metadata = {name: value for name, value in body["metadata"].items() if name != "managedFields"}
    annotations = dict(metadata.get("annotations") or {})
    annotations.pop("kubectl.kubernetes.io/last-applied-configuration", None)
    slim: dict[str, Any] = _shared({**body, "metadata": {**metadata, "annotations": annotations}})
    return slim


def _shared(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return a copy whose equal texts are one object: thousands of bodies have the same names and words."""
    if isinstance(value, dict):
        return {sys.intern(name): _shared(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_shared(item) for item in value]
    if type(value) is str and len(value) <= _SHARED_LENGTH:
        return sys.intern(value)
    return value


def _trimmed(body: Body) -> Body:
    trimmed = _without_managed_fields(body)
    if body["kind"] == "Pod":
        status = body.get("status") or {}
        trimmed["spec"] = {}
        trimmed["status"] = {name: status[name] for name in _POD_STATUS if name in status}
    elif body["kind"] == "Deployment":
        trimmed["spec"] = {"replicas": body["spec"].get("replicas", 0)}
    return trimmed
