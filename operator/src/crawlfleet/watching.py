"""The watch loop: kopf's low-level events feed the cache and the queue, and nothing else.

kopf's high-level handlers and timers would patch annotations and finalizers into every object. Here it watches only.
"""

import logging
from typing import Any, Final

import kopf

from crawlfleet import names
from crawlfleet.cache import Cache, Key
from crawlfleet.job import Body, Job
from crawlfleet.reconcile import Reconciler
from crawlfleet.work_queue import WorkQueue

logger = logging.getLogger(__name__)

CHILDREN: Final = (("apps", "deployments"), ("apps", "statefulsets"), ("", "pods"), ("", "services"))
_KINDS: Final = {
    "deployments": "Deployment",
    "statefulsets": "StatefulSet",
    "pods": "Pod",
    "services": "Service",
}
CLOSING_SECONDS: Final = 300
"""Each watch is opened anew after this, with a fresh list."""


class Watcher:
    """Turns watch events into cache updates and queue keys."""

    def __init__(self, cache: Cache, queue: WorkQueue[Key], reconciler: Reconciler, operator_class: str) -> None:
        self._cache = cache
        self._queue = queue
        self._reconciler = reconciler
        self._operator_class = operator_class

    def on_job(self, kind: str | None, body: Body) -> None:
        """Take in an event of a CrawlJob; `kind` is None for one that was listed."""
        job = Job(body)
        if job.operator_class != self._operator_class:
            return
        key = (job.namespace, job.name)
        if kind == "DELETED":
            self._reconciler.deleted(key, job.uid)
            return
        before = self._cache.job(key)
        if before is not None and before.uid != job.uid:
            # Deleted and made anew while no watch was open.
            self._reconciler.deleted(key, before.uid)
        kept = self._cache.put_job(body)
        if before is None or before.uid != job.uid or _asks(before) != _asks(kept):
            self._queue.add(key)

    def on_child(self, kind: str | None, body: Body) -> None:
        """Take in an event of a child."""
        if kind == "DELETED":
            self._cache.drop_child(body)
        else:
            self._cache.put_child(body)
        name = (body["metadata"].get("labels") or {}).get(names.JOB_NAME_LABEL)
        key = (body["metadata"]["namespace"], str(name))
        if self._cache.job(key) is not None:
            self._queue.add(key)


def _asks(job: Job) -> tuple[object, ...]:
    """Return what of a job calls for another look: not its status, which is ours."""
    metadata = job.body["metadata"]
    return (job.generation, metadata.get("deletionTimestamp"), job.finalizers)


def build_registry(watcher: Watcher) -> kopf.OperatorRegistry:
    """Return kopf's registry with our event handlers and the login."""
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    def log_in(**kwargs: Any) -> kopf.ConnectionInfo | None:  # noqa: ANN401 - kopf's
        return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)

    @kopf.on.event(names.GROUP, names.VERSION, names.PLURAL, registry=registry)
    async def job_event(event: Any, **_: Any) -> None:  # noqa: ANN401 - kopf's
        watcher.on_job(event["type"], event["object"])

    for group, plural in CHILDREN:

        @kopf.on.event(group, "v1", plural, registry=registry, id=f"{plural}_event")
        async def child_event(event: Any, resource: Any, **_: Any) -> None:  # noqa: ANN401 - kopf's
            # Objects of a list carry no kind.
            watcher.on_child(event["type"], {**event["object"], "kind": _KINDS[resource.plural]})

    return registry


def build_settings() -> kopf.OperatorSettings:
    """Return kopf's settings: watch our own objects, write nothing, scan nothing."""
    settings = kopf.OperatorSettings()
    settings.scanning.disabled = True
    settings.peering.standalone = True
    settings.posting.enabled = False
    settings.watching.server_timeout = CLOSING_SECONDS
    settings.watching.chunk_size = 500
    for group, plural in CHILDREN:
        settings.watching.label_selectors[group, "v1", plural] = f"{names.MANAGED_BY_LABEL}={names.MANAGED_BY}"
    return settings
