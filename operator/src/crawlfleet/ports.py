"""The two seams for I/O: what the operator needs of a Kubernetes cluster and of a job's Redis."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from crawlfleet.actions import RedisWrite
from crawlfleet.job import Body, Job
from crawlfleet.notes import Note
from crawlfleet.observed import Frontier, Unobservable


class Gone(Exception):  # noqa: N818 - an answer, no error
    """The object does not exist."""


class Conflict(Exception):  # noqa: N818 - an answer, no error
    """The object has changed since it was read, or exists already."""


class Cluster(Protocol):
    """The Kubernetes API, as far as the operator uses it. Every call may raise `kube.KubeError`."""

    def now(self) -> float:
        """Return the time by the API server's clock, seconds since the epoch."""

    async def get(self, kind: str, namespace: str, name: str) -> Body:
        """Return one object; raises Gone."""

    async def list(self, kind: str, namespace: str, label_selector: str) -> Sequence[Body]:
        """Return the objects that the selector matches."""

    async def apply(self, body: Body) -> Body:
        """Server-side apply with the operator's field manager; returns the object as stored."""

    async def create(self, body: Body) -> Body:
        """Create; raises Conflict where it exists."""

    async def merge_patch(self, kind: str, namespace: str, name: str, patch: Mapping[str, Any]) -> Body:
        """Merge-patch; raises Gone, or Conflict where `metadata.resourceVersion` is stale."""

    async def patch_status(self, job: Job, status: Mapping[str, Any]) -> Body:
        """Write a CrawlJob's status, if it is still the version that was read; raises Gone, Conflict."""

    async def delete(
        self, kind: str, namespace: str, name: str, *, uid: str | None = None, grace_seconds: int | None = None
    ) -> None:
        """Delete in the background; an object that is gone, or another of the same name, is left."""

    async def claim_troubles(self, namespace: str, claim: str) -> Sequence[str]:
        """Return the messages of events that say why a claim is not bound, oldest first."""

    async def record(self, job: Job, note: Note) -> None:
        """Record an Event on the job; failure to do so is only logged."""


class FrontierPort(Protocol):
    """The jobs' Redises."""

    async def look(self, job: Job) -> Frontier | Unobservable:
        """Take one snapshot; never raises for a Redis or Secret that is away."""

    async def write(self, job: Job, action: RedisWrite) -> bool:
        """Carry the action out; returns False where it is to be carried out again before anything after it."""

    async def release(self, uid: str) -> None:
        """Close what is held for a job that is gone."""
