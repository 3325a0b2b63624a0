"""Each way to be blocked: the condition names the cause within 15 s, and the job recovers once it is mended.

What a worker meets is counted from the moment that the job's Redis answers: before it, no worker is started.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cluster import images as cluster_images
from cluster.target import target
from tests.e2e.crawls import Crawls, eventually
from tests.e2e.site import Site

NAMED_SECONDS = 15.0
BROKEN = Path(__file__).parent / "broken_spider"
REPORT = Path("out/e2e/blocked.json")

Mend = Callable[[Crawls, str], None]


@dataclass(frozen=True)
class Case:
    """One way to be blocked."""

    name: str
    reason: str
    says: str
    spec: dict[str, Any]
    mend: Mend
    redis_answers: bool = True


def _spec(**spec: Any) -> Mend:
    return lambda crawls, name: crawls.patch(name, spec)


def _right_image(crawls: Crawls, name: str) -> None:
    crawls.patch(name, {"image": crawls.worker_image})


def _storage_class(crawls: Crawls, name: str) -> None:
    standard = crawls.kube.json("get", "storageclass")["items"][0]
    wanted = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "e2e-missing"},
        "provisioner": standard["provisioner"],
        "volumeBindingMode": "Immediate" if standard["volumeBindingMode"] == "Immediate" else "WaitForFirstConsumer",
    }
    crawls.apply(wanted)


def _redis_secret(crawls: Crawls, url: str) -> dict[str, Any]:
    metadata = {"name": "own-redis", "namespace": crawls.namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"url": url}}


EXTERNAL = {"type": "External", "external": {"urlSecretRef": {"name": "own-redis", "key": "url"}}}

CASES = [
    Case(
        "no-image",
        "ImagePullFailed",
        "crawlfleet/none",
        {"image": "localhost/crawlfleet/none:1"},
        _right_image,
    ),
    Case(
        "no-spider",
        "SpiderNotFound",
        "bokks",
        {"spider": {"name": "bokks"}},
        _spec(spider={"name": "generic"}),
    ),
    Case(
        "no-claim",
        "VolumeNotBound",
        "e2e-missing",
        {"redis": {"type": "Managed", "managed": {"storage": {"size": "64Mi", "className": "e2e-missing"}}}},
        _storage_class,
        redis_answers=False,
    ),
    Case(
        "no-room",
        "Unschedulable",
        "Insufficient cpu",
        {"workers": {"resources": {"requests": {"cpu": "500"}}}},
        _spec(workers={"resources": {"requests": {"cpu": "50m"}}}),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_blocked_job_says_why_and_recovers(case: Case, crawls: Crawls, site: Site) -> None:
    crawls.apply(crawls.manifest(case.name, [site.url("/p/1000")], **case.spec))
    if case.redis_answers:
        _redis_answers(crawls, case.name)
    _named(crawls, case.name, case.reason, case.says)
    case.mend(crawls, case.name)
    crawls.wait(case.name, "Complete", "True", seconds=120)
    if case.name == "no-claim":
        crawls.kube.run("delete", "storageclass", "e2e-missing")


def test_a_bad_spider_starts_at_most_two_containers(crawls: Crawls, site: Site) -> None:
    crawls.apply(crawls.manifest("twice", [site.url("/p/1000")], spider={"name": "bokks"}))
    _redis_answers(crawls, "twice")
    _named(crawls, "twice", "SpiderNotFound", "bokks")
    eventually(lambda: not _worker_pods(crawls, "twice"), 60, lambda: "pods remain")
    assert 1 <= _container_starts(crawls, "twice") <= 2


def test_a_spider_that_raises_at_import(images: dict[str, str], crawls: Crawls, site: Site) -> None:
    cluster = target()
    tag = f"{cluster_images.PREFIX}/e2e-broken:1"
    arguments = {"WORKER": images["worker"].replace(cluster.prefix, cluster_images.PREFIX)}
    broken = cluster.load(cluster_images.build_image(tag, BROKEN / "Containerfile", BROKEN, arguments))
    crawls.apply(crawls.manifest("raises", [site.url("/p/1000")], image=broken, spider={"name": "broken"}))
    _redis_answers(crawls, "raises")
    _named(crawls, "raises", "SpiderImportFailed", "pandas")
    crawls.patch("raises", {"image": crawls.worker_image, "spider": {"name": "generic"}})
    crawls.wait("raises", "Complete", "True", seconds=120)


def test_an_image_without_our_package(crawls: Crawls, images: dict[str, str], site: Site) -> None:
    crawls.apply(crawls.manifest("foreign", [site.url("/p/1000")], image=images["nginx"]))
    _redis_answers(crawls, "foreign")
    _named(crawls, "foreign", "WorkerPackageMissing", "crawlfleet-worker")
    _right_image(crawls, "foreign")
    crawls.wait("foreign", "Complete", "True", seconds=120)


def test_redis_away_and_then_there(crawls: Crawls, images: dict[str, str], site: Site) -> None:
    crawls.apply(_redis_secret(crawls, f"redis://:right@own-redis.{crawls.namespace}.svc:6379/0"))
    crawls.apply(crawls.manifest("away", [site.url("/p/1000")], redis=EXTERNAL))
    _named(crawls, "away", "RedisUnreachable", "own-redis")
    crawls.apply(*_own_redis(crawls, images["redis"]))
    crawls.wait("away", "Complete", "True", seconds=120)


def test_a_wrong_redis_password(crawls: Crawls, images: dict[str, str], site: Site) -> None:
    crawls.apply(*_own_redis(crawls, images["redis"]))
    crawls.kube.run("rollout", "status", "deploy/own-redis", "-n", crawls.namespace, "--timeout=60s", seconds=70)
    crawls.apply(_redis_secret(crawls, f"redis://:wrong@own-redis.{crawls.namespace}.svc:6379/0"))
    crawls.apply(crawls.manifest("denied", [site.url("/p/1000")], redis=EXTERNAL))
    _named(crawls, "denied", "RedisAccessDenied", "own-redis")
    crawls.apply(_redis_secret(crawls, f"redis://:right@own-redis.{crawls.namespace}.svc:6379/0"))
    crawls.wait("denied", "Complete", "True", seconds=120)


def _redis_answers(crawls: Crawls, name: str) -> None:
    crawls.wait(name, "FrontierObservable", "True", seconds=90)


def _named(crawls: Crawls, name: str, reason: str, says: str) -> None:
    """Wait for the condition, and keep what kubectl shows of it for the docs."""
    found = crawls.wait(name, "Progressing", "False", reason, seconds=NAMED_SECONDS + 5)
    assert says in found["message"]
    seen = json.loads(REPORT.read_text(encoding="utf-8")) if REPORT.exists() else {}
    seen[name] = {
        "reason": found["reason"],
        "message": found["message"],
        "kubectl": crawls.kube.run("get", "crawljob", name, "-n", crawls.namespace, "-o", "wide"),
    }
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(seen, indent=2) + "\n", encoding="utf-8")


def _worker_pods(crawls: Crawls, name: str) -> list[dict[str, Any]]:
    selector = f"crawlfleet.io/job-name={name},app.kubernetes.io/component=worker"
    items: list[dict[str, Any]] = crawls.kube.json("get", "pods", "-n", crawls.namespace, "-l", selector)["items"]
    return items


def _container_starts(crawls: Crawls, name: str) -> int:
    events = crawls.kube.json("get", "events", "-n", crawls.namespace)["items"]
    started = [
        event
        for event in events
        if event["reason"] == "Started" and event["involvedObject"]["name"].startswith(f"{name}-worker-")
    ]
    return sum(int(event.get("count") or 1) for event in started)


def _own_redis(crawls: Crawls, image: str) -> list[dict[str, Any]]:
    metadata = {"name": "own-redis", "namespace": crawls.namespace}
    labels = {"app": "own-redis"}
    container = {
        "name": "redis",
        "image": image,
        "command": ["redis-server", "--dir", "/tmp", "--requirepass", "right", "--protected-mode", "no"],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    pod = {
        "terminationGracePeriodSeconds": 1,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
    }
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {"selector": labels, "ports": [{"port": 6379}]},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata,
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        },
    ]
