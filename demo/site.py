"""The site of real pages in the cluster: image, Deployment, a Service for each host, the access log."""

import time
from pathlib import Path
from typing import Any, Final

from demo import nginx
from demo.content import BOOKS
from demo.errors import DemoError
from demo.kube import Kube

NAMESPACE: Final = "demo-site"
NAME: Final = "site"
IMAGE: Final = "localhost/crawlfleet/demo-site"
PORT: Final = 8080
USER: Final = 10101
LOG: Final = "/logs/access.jsonl"
READY_SECONDS: Final = 120
RESTRICTED: Final = {
    "pod-security.kubernetes.io/enforce": "restricted",
    "pod-security.kubernetes.io/enforce-version": "latest",
}

CONTAINERFILE: Final = """\
ARG BASE
FROM ${BASE}
COPY nginx.conf /site/nginx.conf
COPY tree /site/tree
USER 10101:10101
ENTRYPOINT ["/usr/sbin/nginx", "-e", "stderr", "-c", "/site/nginx.conf"]
"""


def write_context(folder: Path) -> None:
    """Write what the image is built from beside the pages, which lie in `folder/tree`."""
    hosts = [book.host for book in BOOKS]
    configuration = nginx.configuration(hosts, root="/site/tree", log=LOG, scratch="/scratch", port=PORT)
    (folder / "nginx.conf").write_text(configuration, encoding="utf-8")
    (folder / "Containerfile").write_text(CONTAINERFILE, encoding="utf-8")


def manifests(image: str, run: str) -> list[dict[str, Any]]:
    """Return the site's objects; another `run` makes another pod, with an empty log."""
    services = [_service(book.host.partition(".")[0]) for book in BOOKS]
    return [namespace(NAMESPACE), _deployment(image, run), *services]


def namespace(name: str) -> dict[str, Any]:
    """Return a namespace that admits restricted pods only."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": dict(RESTRICTED)}}


def deploy(kube: Kube, image: str) -> None:
    """Apply the site and wait until one fresh pod serves it."""
    kube.apply(manifests(image, run=str(int(time.time()))))
    look = f"kubectl describe pods -n {NAMESPACE}"
    kube.run(
        "rollout",
        "status",
        f"deployment/{NAME}",
        "-n",
        NAMESPACE,
        f"--timeout={READY_SECONDS}s",
        seconds=READY_SECONDS + 10,
        look=look,
    )


def fetch_log(kube: Kube, target: Path) -> int:
    """Copy the access log out of the pod, whole; return its lines. Raises DemoError if a byte is missing."""

    def inside(*command: str) -> str:
        return kube.run("exec", "-n", NAMESPACE, f"deployment/{NAME}", "--", *command, seconds=120)

    size = int(inside("stat", "-c", "%s", LOG))
    text = inside("cat", LOG)
    if len(text.encode()) < size or (text and not text.endswith("\n")):
        raise DemoError(f"the access log came torn: {len(text.encode())} of {size} bytes")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    return text.count("\n")


def _deployment(image: str, run: str) -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": NAME}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME, "namespace": NAMESPACE, "labels": labels},
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels, "annotations": {"crawlfleet.io/demo-run": run}},
                "spec": _pod(image),
            },
        },
    }


def _pod(image: str) -> dict[str, Any]:
    mounts = [{"name": "logs", "mountPath": "/logs"}, {"name": "scratch", "mountPath": "/scratch"}]
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 2,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": "nginx",
                "image": image,
                "imagePullPolicy": "IfNotPresent",
                "ports": [{"name": "http", "containerPort": PORT}],
                "readinessProbe": {"httpGet": {"path": "/healthy", "port": "http"}, "periodSeconds": 1},
                "resources": {"requests": {"cpu": "50m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}},
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                "volumeMounts": mounts,
            }
        ],
        "volumes": [{"name": mount["name"], "emptyDir": {}} for mount in mounts],
    }


def _service(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"app.kubernetes.io/name": NAME}},
        "spec": {
            "selector": {"app.kubernetes.io/name": NAME},
            "ports": [{"name": "http", "port": 80, "targetPort": "http"}],
        },
    }
