"""A site in the cluster whose pages nginx makes up: a tree of any size, with errors planted, and an access log.

Page `/p/N` links to `/p/N0` … `/p/N9` until N has `digits` digits; `/p/1` is the root of 1 + 10 + 100 + … pages.
`/broken/…` is answered 500, `/missing/…` 404, `/hang/…` never.
"""

import json
from dataclasses import dataclass
from typing import Any

from demo.kube import Kube

NAMESPACE = "e2e-site"
HOST = f"site.{NAMESPACE}"

CONFIG = """\
worker_processes 1;
pid /tmp/nginx.pid;
error_log stderr warn;
events { worker_connections 512; }
http {
  client_body_temp_path /tmp/a; proxy_temp_path /tmp/b; fastcgi_temp_path /tmp/c;
  uwsgi_temp_path /tmp/d; scgi_temp_path /tmp/e;
  default_type text/html;
  keepalive_timeout 600s; keepalive_requests 1000000;
  log_format json escape=json '{"host":"$host","uri":"$request_uri","status":$status,"bytes":$body_bytes_sent,'
    '"agent":"$http_user_agent"}';
  access_log /tmp/access.jsonl json;
  server {
    listen 8080;
    location = /log { access_log off; alias /tmp/access.jsonl; default_type application/json; }
    location = /healthy { access_log off; return 200 "ok"; }
    location ~ "^/p/(\\d{1,DIGITS_1})$" { return 200 "<html><title>page $1</title><body>LINKS</body></html>"; }
    location ~ "^/p/(\\d{DIGITS})$" { return 200 "<html><title>leaf $1</title><body>end</body></html>"; }
    location = /planted { return 200 "<html><title>planted</title><body>PLANTED</body></html>"; }
    location /broken/ { return 500 "broken"; }
    location /missing/ { return 404 "missing"; }
    location /hang/ { proxy_pass http://127.0.0.1:8082; proxy_read_timeout 3600s; }
    location / { return 404 "no such page"; }
  }

}
"""

HANG = """\
import socket
listener = socket.create_server(("127.0.0.1", 8082), backlog=256)
kept = []
while True:
    kept.append(listener.accept())
"""


@dataclass(frozen=True)
class Site:
    """The running site."""

    kube: Kube

    def url(self, path: str) -> str:
        """Return a URL as the workers see it."""
        return f"http://{HOST}{path}"

    def log(self) -> list[dict[str, Any]]:
        """Return the access log so far."""
        text = self.kube.run("exec", "-n", NAMESPACE, "deploy/site", "-c", "nginx", "--", "cat", "/tmp/access.jsonl")
        return [json.loads(line) for line in text.splitlines()]


def nginx_config(digits: int, planted: list[str]) -> str:
    """Return nginx' configuration for a tree of this depth."""
    links = "".join(f"<a href='/p/$1{n}'>{n}</a>" for n in range(10))
    more = "".join(f"<a href='{path}'>{path}</a>" for path in planted)
    return (
        CONFIG.replace("DIGITS_1", str(digits - 1))
        .replace("DIGITS", str(digits))
        .replace("LINKS", links)
        .replace("PLANTED", more)
    )


def manifests(nginx_image: str, python_image: str, digits: int, planted: list[str]) -> list[dict[str, Any]]:
    """Return the site's objects."""
    restricted = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True}
    labels = {"app": "site"}
    files = {"nginx.conf": nginx_config(digits, planted), "hang.py": HANG}
    mounts = [{"name": "config", "mountPath": "/site"}, {"name": "tmp", "mountPath": "/tmp"}]
    containers = [
        {
            "name": "nginx",
            "image": nginx_image,
            "command": ["nginx", "-c", "/site/nginx.conf", "-g", "daemon off;"],
            "readinessProbe": {"httpGet": {"path": "/healthy", "port": 8080}, "periodSeconds": 1},
            "securityContext": restricted,
            "volumeMounts": mounts,
        },
        {
            "name": "hang",
            "image": python_image,
            "command": ["python3", "/site/hang.py"],
            "securityContext": restricted,
            "volumeMounts": mounts,
        },
    ]
    pod = {
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        "terminationGracePeriodSeconds": 1,
        "containers": containers,
        "volumes": [{"name": "config", "configMap": {"name": "site"}}, {"name": "tmp", "emptyDir": {}}],
    }
    metadata = {"name": "site", "namespace": NAMESPACE}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": files},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]},
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
