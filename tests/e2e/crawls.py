"""CrawlJobs for the node's tests, and how to wait for what they come to."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import yaml

from demo.errors import DemoError
from demo.kube import Kube
from tests.e2e.site import HOST

T = TypeVar("T")

GENERIC = {
    "allowed_hosts": [HOST],
    "follow": [{"allow": [".*"]}],
    "fields": {"title": {"css": "title::text"}},
}


@dataclass(frozen=True)
class Crawls:
    """The CrawlJobs of one namespace."""

    kube: Kube
    namespace: str
    worker_image: str

    def manifest(self, name: str, urls: list[str] | None = None, **spec: Any) -> dict[str, Any]:
        """Return a CrawlJob of the generic spider over `urls`, changed by `spec`."""
        wanted: dict[str, Any] = {
            "engine": "ScrapyRedis",
            "image": self.worker_image,
            "spider": {"name": "generic"},
            "workers": {
                "env": [
                    {
                        "name": "CRAWLFLEET_GENERIC_SPIDER",
                        "valueFrom": {"configMapKeyRef": {"name": "generic", "key": "spider.yaml"}},
                    }
                ],
                "resources": {"requests": {"cpu": "50m", "memory": "96Mi"}},
                "terminationGracePeriodSeconds": 20,
            },
            "completion": {"idleSeconds": 5},
        }
        if urls is not None:
            wanted["seeds"] = {"type": "Inline", "inline": {"urls": urls}}
        return {
            "apiVersion": "crawlfleet.io/v1alpha1",
            "kind": "CrawlJob",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": _merged(wanted, spec),
        }

    def apply(self, *manifests: Mapping[str, Any]) -> None:
        """Apply objects."""
        self.kube.apply(manifests)

    def configure(self) -> None:
        """Make the ConfigMap of the generic spider."""
        data = {"spider.yaml": yaml.safe_dump(GENERIC)}
        metadata = {"name": "generic", "namespace": self.namespace}
        self.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})

    def get(self, name: str) -> dict[str, Any]:
        """Return a CrawlJob."""
        return self.kube.json("get", "crawljob", name, "-n", self.namespace)

    def patch(self, name: str, spec: Mapping[str, Any]) -> None:
        """Merge-patch a CrawlJob's spec."""
        self.kube.run("patch", "crawljob", name, "-n", self.namespace, "--type=merge", "-p", json.dumps({"spec": spec}))

    def delete(self, name: str) -> None:
        """Delete without waiting."""
        self.kube.run("delete", "crawljob", name, "-n", self.namespace, "--wait=false")

    def condition(self, name: str, type_: str) -> dict[str, Any]:
        """Return a condition, or an empty one."""
        conditions = (self.get(name).get("status") or {}).get("conditions", ())
        return next((c for c in conditions if c["type"] == type_), {"status": "", "reason": "", "message": ""})

    def wait(
        self, name: str, type_: str, status: str, reason: str | None = None, seconds: float = 120
    ) -> dict[str, Any]:
        """Wait until a condition has this status (and reason); returns it."""

        def reached() -> dict[str, Any] | None:
            found = self.condition(name, type_)
            good = found["status"] == status and reason in (None, found["reason"])
            return found if good else None

        return eventually(
            reached, seconds, lambda: f"{name}: {type_}={status}/{reason}; is {self.get(name).get('status')}"
        )


def eventually(probe: Callable[[], T | None], seconds: float, what: Callable[[], str]) -> T:
    """Return the probe's first answer that is not None (and not False); fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            answer = probe()
        except (DemoError, KeyError, OSError):  # not there yet: the object, a part of its status, a server
            answer = None
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what()}")
        time.sleep(0.3)


def _merged(base: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _merged(merged[key], value) if both else value
    return merged
