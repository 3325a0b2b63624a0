"""Debian's Prometheus on loopback, scraping the operator on the node through kubectl's port-forward."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

from demo.kube import Kube
from tests.e2e.crawls import eventually
from tests.servers.ports import free_port

SCRAPE_SECONDS = 1


@dataclass(frozen=True)
class Prometheus:
    """A running Prometheus."""

    url: str

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the vector of an instant query."""
        return self._get("query", query=expression)["result"]  # type: ignore[no-any-return]

    def value(self, expression: str) -> float | None:
        """Return the one value of an instant query, or None where it has none."""
        result = self.query(expression)
        return float(result[0]["value"][1]) if result else None

    def firing(self) -> set[str]:
        """Return the names of the alerts that fire."""
        alerts = self._get("alerts")["alerts"]
        return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}

    def _get(self, path: str, **parameters: str) -> dict[str, Any]:
        with urlopen(f"{self.url}/api/v1/{path}?{urlencode(parameters)}", timeout=10) as answer:  # noqa: S310
            return dict(json.load(answer)["data"])


@contextmanager
def scraping(
    kube: Kube, namespace: str, folder: Path, rules: list[dict[str, Any]] | None = None
) -> Iterator[Prometheus]:
    """Yield a Prometheus that scrapes the operator every second and evaluates these rule groups."""
    with _forwarded(kube, namespace, folder) as target, _serving(target, folder, rules or []) as prometheus:
        eventually(
            lambda: prometheus.value("crawlfleet_operator_build_info"),
            30,
            (folder / "prometheus.log").read_text,
        )
        yield prometheus


@contextmanager
def _forwarded(kube: Kube, namespace: str, folder: Path) -> Iterator[str]:
    port = free_port()
    service = kube.json("get", "service", "-n", namespace, "-l", "app.kubernetes.io/name=crawlfleet")["items"][0]
    name = service["metadata"]["name"]
    command = [
        kube.kubectl,
        "port-forward",
        "-n",
        namespace,
        f"service/{name}",
        f"{port}:metrics",
        "--address=127.0.0.1",
    ]
    with (folder / "forward.log").open("w") as log:
        forward = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **kube.environment})
    try:
        yield f"127.0.0.1:{port}"
    finally:
        forward.terminate()
        forward.wait(10)


@contextmanager
def _serving(target: str, folder: Path, rules: list[dict[str, Any]]) -> Iterator[Prometheus]:
    assert shutil.which("prometheus"), "prometheus is missing: apt-get install prometheus"
    (folder / "rules.json").write_text(json.dumps({"groups": rules}))
    interval = f"{SCRAPE_SECONDS}s"
    config = {
        "global": {"scrape_interval": interval, "evaluation_interval": interval},
        "rule_files": [str(folder / "rules.json")],
        "scrape_configs": [{"job_name": "crawlfleet", "static_configs": [{"targets": [target]}]}],
    }
    (folder / "prometheus.yml").write_text(json.dumps(config))
    port = free_port()
    command = [
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "prometheus.log").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield Prometheus(f"http://127.0.0.1:{port}")
    finally:
        server.terminate()
        server.wait(30)


def settle(seconds: float = 2.0 * SCRAPE_SECONDS) -> None:
    """Let Prometheus scrape what has just come to rest: it tells of no scrape by itself."""
    time.sleep(seconds)
