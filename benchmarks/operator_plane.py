"""What the operator's benches run on: a control plane with the CRD, a Redis on loopback, a namespace and a Secret."""

import base64
import signal
import sys
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubernetes import client, config

from benchmarks import records
from cluster import tools
from cluster.control_plane import ControlPlane
from tests.servers.redis import RedisServer, redis_server

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "benchmarks" / "out"
NAMESPACE = "bench"
GROUP, VERSION, PLURAL = "crawlfleet.io", "v1alpha1", "crawljobs"
CODE = (
    "operator/src/crawlfleet/**/*.py",
    "frontier/src/crawlfleet_frontier/commands.py",
    "frontier/src/crawlfleet_frontier/counters.py",
    "frontier/src/crawlfleet_frontier/keys.py",
    "frontier/src/crawlfleet_frontier/snapshot.py",
    "frontier/src/crawlfleet_frontier/scripts/beat.lua",
    "frontier/src/crawlfleet_frontier/scripts/prepare.lua",
    "frontier/src/crawlfleet_frontier/scripts/snapshot.lua",
    "crds/*.yaml",
)
"""The code that the operator's benches test: the operator, and of the frontier's files those that it uses."""
CLIENTS = 4
"""Requests under way at once while jobs are created or changed."""

Body = dict[str, Any]


@dataclass(frozen=True)
class Bench:
    """A running control plane and Redis."""

    plane: ControlPlane
    api_client: client.ApiClient
    redis_server: RedisServer

    @property
    def _jobs(self) -> Any:  # noqa: ANN401 - the client's types know no custom objects
        return client.CustomObjectsApi(self.api_client)

    def create_all(self, manifests: Iterable[Body]) -> None:
        """Create the CrawlJobs, some at a time."""
        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(self.create, manifests))

    def create(self, manifest: Body) -> str:
        """Create one CrawlJob and return its UID."""
        made = self._jobs.create_namespaced_custom_object(GROUP, VERSION, NAMESPACE, PLURAL, manifest)
        return str(made["metadata"]["uid"])

    def patch_all(self, names: Iterable[str], change: Body) -> None:
        """Send the same merge patch to the CrawlJobs of these names, one after the other."""
        for name in names:
            self._jobs.patch_namespaced_custom_object(GROUP, VERSION, NAMESPACE, PLURAL, name, change)

    def delete(self, name: str) -> None:
        """Delete a CrawlJob."""
        self._jobs.delete_namespaced_custom_object(GROUP, VERSION, NAMESPACE, PLURAL, name)

    def get(self, name: str) -> Body:
        """Return a CrawlJob."""
        found: Body = self._jobs.get_namespaced_custom_object(GROUP, VERSION, NAMESPACE, PLURAL, name)
        return found

    def list(self) -> list[Body]:
        """Return all CrawlJobs."""
        found: list[Body] = self._jobs.list_namespaced_custom_object(GROUP, VERSION, NAMESPACE, PLURAL)["items"]
        return found


@contextmanager
def bench() -> Iterator[Bench]:
    """Run it all as long as the block; nothing is left behind, after a SIGTERM neither."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    tools.ensure("helm")  # the operator's rights are those that the chart renders
    with (
        tempfile.TemporaryDirectory(prefix="crawlfleet-bench-") as folder,
        ControlPlane(Path(folder)) as plane,
        redis_server() as server,
    ):
        plane.kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
        plane.kubectl("wait", "--for=condition=Established", "crd/crawljobs.crawlfleet.io", "--timeout=30s")
        with config.new_client_from_config(str(plane.kubeconfig)) as connected:  # type: ignore[no-untyped-call]
            _prepare(client.CoreV1Api(connected), server.url)
            yield Bench(plane, connected, server)


def manifest(name: str, **spec: Any) -> Body:  # noqa: ANN401 - parts of a manifest
    """Return a CrawlJob with an external Redis whose URLs the user pushes to the list `NAME:start_urls`."""
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "CrawlJob",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "engine": "ScrapyRedis",
            "image": "registry.example/bench:1",
            "spider": {"name": "bench"},
            "seeds": {"type": "RedisKey", "redisKey": {"key": f"{name}:start_urls"}},
            "redis": {"type": "External", "external": {"urlSecretRef": {"name": "redis", "key": "url"}}},
            **spec,
        },
    }


def code_under_test() -> str:
    """Return the hash of the operator's code as it is now: to be taken before a run."""
    return records.code_hash(ROOT, CODE)


def circumstances(code_before: str) -> Body:
    """Return what goes with every result: machine, commit, code, and whether the code changed during the run."""
    return {
        "machine": records.machine(),
        "commit": records.commit(ROOT),
        "code_hash": code_before,
        "code_changed_during_the_run": code_under_test() != code_before,
    }


def _prepare(core: Any, url: str) -> None:  # noqa: ANN401 - bodies as dicts
    core.create_namespace({"metadata": {"name": NAMESPACE}})
    data = {"url": base64.b64encode(url.encode()).decode()}
    core.create_namespaced_secret(NAMESPACE, {"metadata": {"name": "redis"}, "data": data})
