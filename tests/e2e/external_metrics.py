"""A small server of Kubernetes' external metrics API, registered in the cluster: an autoscaler's metrics adapter.

It runs on the machine and hands out what `read` returns, so that a HorizontalPodAutoscaler can be seen at work without
installing an adapter.
"""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from cluster.certificates import Authority, Certificate
from demo.kube import Kube

GROUP_VERSION: Final = "external.metrics.k8s.io/v1beta1"
API_SERVICE: Final = "v1beta1.external.metrics.k8s.io"
NAMESPACE: Final = "kube-system"

Read = Callable[[str, str, str], float]
"""`read(namespace, metric, label_selector)` is the metric's value now."""


@contextmanager
def serving(kube: Kube, address: str, folder: Path, read: Read) -> Iterator[None]:
    """Serve on this address of the machine, which the API server has to reach, and register it until the end."""
    certificate = Authority.create(folder).issue("metrics", "external-metrics", hosts=[address])
    with _Server((address, 0), read, certificate) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        kube.apply(_registration(address, server.server_port))
        try:
            kube.run("wait", "--for=condition=Available", f"apiservice/{API_SERVICE}", "--timeout=30s", seconds=40)
            yield
        finally:
            # An API that does not answer keeps every namespace from being deleted: this must go.
            kube.run("delete", "apiservice", API_SERVICE, "--ignore-not-found")
            kube.run("delete", "service", "external-metrics", "-n", NAMESPACE, "--ignore-not-found")
            server.shutdown()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], read: Read, certificate: Certificate) -> None:
        super().__init__(address, _Handler)
        self.read = read
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.certificate, certificate.key)
        self.socket = context.wrap_socket(self.socket, server_side=True)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        words = parts.path.strip("/").split("/")
        if "/".join(words[:3]) != f"apis/{GROUP_VERSION}":
            self._answer(404, {})
        elif len(words) == 3:
            self._answer(200, _resources())
        else:
            selector = parse_qs(parts.query).get("labelSelector", [""])[0]
            self._answer(200, _values(words[-1], self.server.read(words[4], words[-1], selector)))

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


def _resources() -> dict[str, Any]:
    resource = {
        "name": "*",
        "singularName": "",
        "namespaced": True,
        "kind": "ExternalMetricValueList",
        "verbs": ["get"],
    }
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": GROUP_VERSION, "resources": [resource]}


def _values(metric: str, value: float) -> dict[str, Any]:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    item = {"metricName": metric, "metricLabels": {}, "timestamp": now, "value": str(round(value))}
    return {"kind": "ExternalMetricValueList", "apiVersion": GROUP_VERSION, "metadata": {}, "items": [item]}


def _registration(address: str, port: int) -> list[dict[str, Any]]:
    group, _, version = GROUP_VERSION.partition("/")
    service = {"name": "external-metrics", "namespace": NAMESPACE}
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": service,
            "spec": {"type": "ExternalName", "externalName": address},
        },
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": API_SERVICE},
            "spec": {
                "group": group,
                "version": version,
                "service": {**service, "port": port},
                "insecureSkipTLSVerify": True,
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
            },
        },
    ]
