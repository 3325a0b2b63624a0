"""What does a kubeconfig say? (It is written as JSON, which every YAML reader takes.)"""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

from cluster.certificates import Authority, Certificate


def write(path: Path, server: str, authority: Authority, user: Certificate, name: str = "crawlfleet") -> Path:
    """Write a kubeconfig with everything inside, readable for its owner alone, and return its path."""
    body = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": _server(server, authority)}],
        "users": [{"name": name, "user": _user(user)}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.touch(mode=0o600)
    temporary.write_text(json.dumps(body, indent=2) + "\n")
    temporary.rename(path)
    return path


def _server(server: str, authority: Authority) -> dict[str, str]:
    return {"server": server, "certificate-authority-data": _encoded(authority.root.certificate)}


def _user(user: Certificate) -> dict[str, str]:
    return {
        "client-certificate-data": _encoded(user.certificate),
        "client-key-data": _encoded(user.key),
    }


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
