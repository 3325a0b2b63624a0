"""The bundled node does what a cluster does: restricted pods, Services and names, claims that bind, and no way out."""

from __future__ import annotations

import json
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from cluster import images
from cluster.errors import CommandError
from cluster.node import addons, layout
from cluster.run import run, wait_until
from cluster.target import target

pytestmark = pytest.mark.e2e

POD_SECURITY = {
    "runAsNonRoot": True,
    "runAsUser": 10001,
    "fsGroup": 10001,
    "seccompProfile": {"type": "RuntimeDefault"},
}
CONTAINER_SECURITY = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
READY_SECONDS = 90


def pod(name: str, image: str, mounts: dict[str, str], volumes: list[dict[str, Any]]) -> dict[str, Any]:
    container = {
        "name": "main",
        "image": image,
        "imagePullPolicy": "Never",
        "securityContext": CONTAINER_SECURITY,
        "volumeMounts": [{"name": volume, "mountPath": path} for path, volume in mounts.items()],
    }
    spec = {"securityContext": POD_SECURITY, "containers": [container], "volumes": volumes}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": spec | {"terminationGracePeriodSeconds": 1},
    }


def service(name: str, port: int, target: int) -> dict[str, Any]:
    spec = {"type": "NodePort", "selector": {"app": name}, "ports": [{"port": port, "targetPort": target}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


CLAIM = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "data"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "100Mi"}}},
}
OBJECTS = [
    CLAIM,
    pod("redis", images.REDIS, {"/data": "data"}, [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]),
    pod("web", images.NGINX, {"/tmp": "scratch"}, [{"name": "scratch", "emptyDir": {}}]),
    service("redis", 6379, 6379),
    service("web", 80, 8080),
]


@pytest.fixture(scope="module")
def namespace() -> Iterator[str]:
    target().load(images.redis_image())
    target().load(images.nginx_image())
    name = f"node-{uuid.uuid4().hex[:8]}"
    addons.kubectl("create", "namespace", name)
    addons.kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
    try:
        apply(name, OBJECTS)
        addons.kubectl("-n", name, "wait", "pod", "--all", "--for=condition=Ready", f"--timeout={READY_SECONDS}s")
        yield name
    finally:
        addons.kubectl("delete", "namespace", name, "--wait=true", "--timeout=60s")


def apply(namespace: str, objects: list[dict[str, Any]]) -> None:
    listed = {"apiVersion": "v1", "kind": "List", "items": objects}
    addons.kubectl("-n", namespace, "apply", "-f", "-", stdin=json.dumps(listed))


def inside(namespace: str, script: str) -> str:
    return addons.kubectl("-n", namespace, "exec", "redis", "--", "bash", "-c", script).strip()


def test_services_answer_by_name_and_names_outside_do_not_exist(namespace: str) -> None:
    assert inside(namespace, f"redis-cli -h redis.{namespace}.svc.cluster.local ping") == "PONG"
    assert inside(namespace, "redis-cli -h redis ping") == "PONG"  # itself, through its own Service
    status = "exec 3<>/dev/tcp/web/80; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; head -1 <&3"
    assert inside(namespace, status).startswith("HTTP/1.1 403")  # nginx without pages
    assert inside(namespace, "getent hosts books.example || echo none") == "none"


def test_pods_reach_neither_the_machine_nor_anything_beyond(namespace: str) -> None:
    for address in (layout.HOST_ADDRESS, "192.0.2.1", "169.254.169.254"):
        attempt = f"timeout 2 bash -c '</dev/tcp/{address}/80' 2>/dev/null; echo $?"
        assert inside(namespace, attempt) in {"1", "124"}, address
    assert inside(namespace, f"timeout 2 bash -c '</dev/tcp/{layout.NODE_ADDRESS}/6443'; echo $?") == "0"


def test_a_node_port_answers_from_the_machine(namespace: str) -> None:
    port = addons.kubectl("-n", namespace, "get", "service", "web", "-o", "jsonpath={.spec.ports[0].nodePort}")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with pytest.raises(urllib.error.HTTPError, match="403"):
        opener.open(f"http://{layout.NODE_ADDRESS}:{port}/", timeout=5)


def test_a_claim_is_bound_to_a_directory_that_goes_with_it(namespace: str) -> None:
    inside(namespace, "redis-cli set kept yes; redis-cli save")
    volume = addons.kubectl("-n", namespace, "get", "pvc", "data", "-o", "jsonpath={.spec.volumeName}")
    directory = layout.VOLUMES / f"{volume}_{namespace}_data"
    assert (directory / "dump.rdb").exists()
    addons.kubectl("-n", namespace, "delete", "pod/redis", "pvc/data", "--timeout=60s")
    wait_until(lambda: not directory.exists(), "the removal of the volume", 60)
    apply(namespace, OBJECTS[:2])
    addons.kubectl("-n", namespace, "wait", "pod/redis", "--for=condition=Ready", f"--timeout={READY_SECONDS}s")
    assert inside(namespace, "redis-cli exists kept") == "0"


def test_logs_and_the_restricted_profile(namespace: str) -> None:
    assert "Ready to accept connections" in addons.kubectl("-n", namespace, "logs", "redis")
    with pytest.raises(CommandError, match="violates PodSecurity"):
        addons.kubectl("-n", namespace, "run", "loose", f"--image={images.REDIS}")


def test_the_node_declares_what_the_machine_has(namespace: str) -> None:
    node = json.loads(addons.kubectl("get", "node", layout.NAME, "-o", "json"))["status"]
    assert int(node["capacity"]["cpu"]) == int(run("nproc", "--all").stdout)
    assert int(node["allocatable"]["pods"]) >= 60
    assert node["allocatable"]["memory"] != node["capacity"]["memory"]  # some is left to the daemons


def test_programs_of_the_machine_reach_pods_from_inside_the_nodes_network(namespace: str) -> None:
    address = addons.kubectl("-n", namespace, "get", "pod", "redis", "-o", "jsonpath={.status.podIP}")
    done = run(*layout.in_network("bash", "-c", f"</dev/tcp/{address}/6379"), check=False)
    assert done.returncode == 0
