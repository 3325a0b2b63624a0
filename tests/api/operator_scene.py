"""What the operator's tests share: a namespace with an operator, a fleet and a Redis, and words to wait with."""

import base64
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import uuid4

from kubernetes import client, watch
from kubernetes.client import ApiException

from cluster.run import wait_until
from crawlfleet_frontier import JobKeys
from tests.api.crawljobs import GROUP, PLURAL, VERSION, Client, Refused
from tests.api.fleet import Behaviour, Fleet, Runs
from tests.api.operator_process import OperatorProcess
from tests.api.simulated_worker import Pace
from tests.servers.redis import RedisServer

Body = dict[str, Any]

HELD = Runs(Pace(requests=0))
"""The worker beats, and takes nothing: the crawl stays where it is."""

INLINE: Body = {"type": "Inline", "inline": {"urls": [f"http://a.example/{n}" for n in range(12)]}}
REDIS = "redis"
"""The Secret with the URL of the Redis of all jobs that name no other."""

SECONDS = 20.0
"""How long to wait for what the operator does at once or within a few looks."""


class Scene:
    """One namespace under the Pod Security Standard `restricted`, in which an operator, a fleet and a Redis work."""

    def __init__(
        self, api_client: client.ApiClient, operator: OperatorProcess, fleet: Fleet, redis_server: RedisServer
    ) -> None:
        self.operator = operator
        self.redis_server = redis_server
        self.redis = redis_server.client()
        self.namespace = f"operator-{uuid4().hex[:8]}"
        self._fleet = fleet
        self._core: Any = client.CoreV1Api(api_client)
        self._apps: Any = client.AppsV1Api(api_client)
        self._custom = client.CustomObjectsApi(api_client)
        self.jobs = Client(self._custom, self.namespace)
        self._open()

    def _open(self) -> None:
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        self._core.create_namespace({"metadata": {"name": self.namespace, "labels": labels}})
        self.put_secret(REDIS, self.redis_server.url)

    def clear(self) -> None:
        """Delete all jobs while the operator is there to let their finalizers go."""
        for name in self.jobs.names():
            self.jobs.delete(name)
        wait_until(lambda: not self.jobs.names(), f"no CrawlJobs in {self.namespace}", 2 * SECONDS)

    def leave(self) -> None:
        """Delete all jobs, then the namespace."""
        self.clear()
        self._core.delete_namespace(self.namespace)
        self.redis.close()

    def put_secret(self, name: str, url: str) -> None:
        """Create or change the Secret that holds a Redis URL."""
        data = {"url": base64.b64encode(url.encode()).decode()}
        try:
            self._core.create_namespaced_secret(self.namespace, {"metadata": {"name": name}, "data": data})
        except ApiException:
            self._core.patch_namespaced_secret(name, self.namespace, {"data": data})

    def behave(self, name: str, behaviour: Behaviour) -> None:
        """Have the pods of a job do that."""
        self._fleet.behave(self.namespace, name, behaviour)

    def behave_now(self, name: str, behaviour: Behaviour) -> None:
        """Have the pods of a job do that, and return when none does anything else any more."""
        self.behave(name, behaviour)
        self._fleet.until_heard()

    def create(self, name: str, *, secret: str = "", operator_class: str = "", **spec: Any) -> Body:
        """Create a job with an external Redis and a short wait for the end; `spec` is laid over that."""
        manifest = {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": "CrawlJob",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {
                "engine": "ScrapyRedis",
                "image": "registry.example/books-spiders:1",
                "operatorClass": operator_class or self.operator.operator_class,
                "spider": {"name": "books"},
                "seeds": INLINE,
                "completion": {"idleSeconds": 5},
                "redis": {"type": "External", "external": {"urlSecretRef": {"name": secret or REDIS, "key": "url"}}},
                **spec,
            },
        }
        created: Body = self.jobs.create(manifest)
        return created

    def keys(self, name: str) -> JobKeys:
        """Return the Redis keys of a job."""
        return JobKeys(self.jobs.get(name)["metadata"]["uid"])

    def status(self, name: str) -> Body:
        """Return a job's status; empty before the operator's first word."""
        status: Body = self.jobs.get(name).get("status") or {}
        return status

    def condition(self, name: str, type_: str) -> tuple[str, str, str]:
        """Return status, reason and message of a condition."""
        return condition_of(self.status(name), type_)

    def told_at(self, name: str, type_: str) -> float:
        """Return when a condition came to its present status, by the operator's stamp: epoch seconds, whole ones."""
        (found,) = [each for each in self.status(name)["conditions"] if each["type"] == type_]
        return datetime.fromisoformat(found["lastTransitionTime"]).timestamp()

    def until(self, name: str, holds: Callable[[Body], bool], what: str, seconds: float = SECONDS) -> Body:
        """Wait until the status of a job is so; returns it. A failure shows the last status and the operator's log."""
        last: Body = {}

        def look() -> bool:
            last.clear()
            last.update(self.status(name))
            return holds(last)

        try:
            wait_until(look, f"{name}: {what}", seconds)
        except Exception as error:
            log = "\n".join(self.operator.log.splitlines()[-25:])
            raise AssertionError(f"{error}\nstatus: {json.dumps(last, indent=1)}\noperator's log:\n{log}") from error
        return last

    def until_condition(
        self, name: str, type_: str, status: str, reason: str, seconds: float = SECONDS
    ) -> tuple[str, str, str]:
        """Wait for a condition with this status and reason; returns status, reason and message."""
        wanted = (status, reason)
        found = self.until(
            name, lambda now: condition_of(now, type_)[:2] == wanted, f"{type_}={status}/{reason}", seconds
        )
        return condition_of(found, type_)

    def until_replicas(self, name: str, replicas: int, seconds: float = SECONDS) -> None:
        """Wait until the worker Deployment asks for so many."""
        wait_until(lambda: self.replicas(name) == replicas, f"{name}: {replicas} replicas", seconds)

    def until_ready(self, name: str, workers: int, seconds: float = SECONDS) -> Body:
        """Wait until so many workers are ready by the status."""
        return self.until(name, lambda now: now.get("workers", {}).get("ready") == workers, f"{workers} ready", seconds)

    def replicas(self, name: str) -> int | None:
        """Return what the worker Deployment asks for; None without one."""
        found = self.child("deployment", f"{name}-worker")
        return None if found is None else int(found["spec"]["replicas"])

    def child(self, kind: str, name: str) -> Body | None:
        """Return a `deployment`, `stateful_set`, `service`, `secret` of the namespace, or None."""
        api = self._apps if kind in ("deployment", "stateful_set") else self._core
        try:
            answer = getattr(api, f"read_namespaced_{kind}")(name, self.namespace, _preload_content=False)
        except ApiException as error:
            if error.status == 404:
                return None
            raise
        body: Body = json.loads(answer.data)
        return body

    def delete_child(self, kind: str, name: str) -> None:
        """Delete a child behind the operator's back."""
        api = self._apps if kind in ("deployment", "stateful_set") else self._core
        getattr(api, f"delete_namespaced_{kind}")(name, self.namespace)

    def pods(self, name: str, component: str = "worker") -> list[Body]:
        """Return a job's pods of one component."""
        selector = f"crawlfleet.io/job-name={name},app.kubernetes.io/component={component}"
        answer = self._core.list_namespaced_pod(self.namespace, label_selector=selector, _preload_content=False)
        pods: list[Body] = json.loads(answer.data)["items"]
        return pods

    def objects(self) -> list[str]:
        """Return `kind/name` of everything that the operator's jobs have in the namespace, claims included."""
        selector = "app.kubernetes.io/managed-by=crawlfleet"
        found = []
        for api, kind in (
            (self._apps, "deployment"),
            (self._apps, "replica_set"),
            (self._apps, "stateful_set"),
            (self._core, "service"),
            (self._core, "secret"),
            (self._core, "pod"),
            (self._core, "persistent_volume_claim"),
        ):
            answer = getattr(api, f"list_namespaced_{kind}")(
                self.namespace, label_selector=selector, _preload_content=False
            )
            found += [f"{kind}/{item['metadata']['name']}" for item in json.loads(answer.data)["items"]]
        return found

    def history(self, created: Body) -> list[Body]:
        """Return every status that the job had since it was created, oldest first (the API server remembers)."""
        metadata = created["metadata"]
        last = self._version(metadata["name"])
        found = []
        stream = watch.Watch().stream(  # type: ignore[no-untyped-call]
            self._custom.list_namespaced_custom_object,
            GROUP,
            VERSION,
            self.namespace,
            PLURAL,
            resource_version=metadata["resourceVersion"],
            field_selector=f"metadata.name={metadata['name']}",
            timeout_seconds=1,
        )
        for event in stream:
            found.append(event["raw_object"].get("status") or {})
            if event["raw_object"]["metadata"]["resourceVersion"] == last:
                break
        return found

    def _version(self, name: str) -> str:
        try:
            return str(self.jobs.get(name)["metadata"]["resourceVersion"])
        except Refused:
            return ""  # it is gone


def condition_of(status: Body, type_: str) -> tuple[str, str, str]:
    """Return status, reason and message of a condition; empty texts where it is not there."""
    for condition in status.get("conditions", ()):
        if condition["type"] == type_:
            return condition["status"], condition["reason"], condition["message"]
    return "", "", ""


def in_order(values: list[Any]) -> list[Any]:
    """Return the values without repeats of the one before, and without empty ones."""
    kept: list[Any] = []
    for value in values:
        if value and (not kept or kept[-1] != value):
            kept.append(value)
    return kept
