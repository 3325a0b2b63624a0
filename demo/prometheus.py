"""Debian's Prometheus on loopback, scraping the operator in the cluster through kubectl's port-forward."""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode
from urllib.request import urlopen

from demo.errors import DemoError
from demo.kube import Kube

SCRAPE_SECONDS: Final = 1
READY_SECONDS: Final = 30.0

RuleGroup = Mapping[str, Any]
"""A group of rules as a rule file of Prometheus has it: `name` and `rules`."""


@dataclass(frozen=True)
class Prometheus:
    """A running Prometheus."""

    url: str

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the vector of an instant query."""
        return list(self._get("query", query=expression)["result"])

    def value(self, expression: str) -> float | None:
        """Return the one value of an instant query, or None where it has none."""
        result = self.query(expression)
        return float(result[0]["value"][1]) if result else None

    def firing(self, alert: str, **labels: str) -> str:
        """Return the description of this alert if it fires with these labels, else an empty text."""
        wanted = {"alertname": alert, **labels}.items()
        found = (one for one in self._get("alerts")["alerts"] if one["state"] == "firing")
        return next((one["annotations"]["description"] for one in found if wanted <= one["labels"].items()), "")

    def _get(self, path: str, **parameters: str) -> dict[str, Any]:
        with urlopen(f"{self.url}/api/v1/{path}?{urlencode(parameters)}", timeout=10) as answer:  # noqa: S310
            return dict(json.load(answer)["data"])


@contextmanager
def scraping(kube: Kube, namespace: str, folder: Path, rules: Sequence[RuleGroup] = ()) -> Iterator[Prometheus]:
    """Yield a Prometheus that scrapes the operator of this namespace, and evaluates the rules, every second.

    It keeps its data, configuration and logs in `folder`. Raises DemoError where the program is missing, or where
    it has not seen the operator after 30 s.
    """
    if not shutil.which("prometheus"):
        raise DemoError("prometheus is missing", "apt-get install prometheus")
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        target = stack.enter_context(_forwarded(kube, namespace, folder))
        prometheus = stack.enter_context(serving(target, folder, rules))
        _await_the_operator(prometheus, folder)
        yield prometheus


def _await_the_operator(prometheus: Prometheus, folder: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        try:
            if prometheus.value("crawlfleet_operator_build_info"):
                return
        except OSError:
            pass  # It does not listen yet.
        time.sleep(0.2)
    raise DemoError(f"Prometheus saw no operator in {READY_SECONDS:g} s", f"cat {folder}/*.log")


@contextmanager
def _forwarded(kube: Kube, namespace: str, folder: Path) -> Iterator[str]:
    port = _free_port()
    service = kube.json("get", "service", "-n", namespace, "-l", "app.kubernetes.io/name=crawlfleet")["items"][0]
    name = f"service/{service['metadata']['name']}"
    command = [kube.kubectl, "port-forward", "-n", namespace, name, f"{port}:metrics", "--address=127.0.0.1"]
    with _running(command, folder / "forward.log", kube):
        yield f"127.0.0.1:{port}"


@contextmanager
def serving(target: str, folder: Path, rules: Sequence[RuleGroup] = ()) -> Iterator[Prometheus]:
    """Yield a Prometheus that scrapes `target` (host:port); it may not listen yet."""
    interval = f"{SCRAPE_SECONDS}s"
    (folder / "rules.json").write_text(json.dumps({"groups": list(rules)}), encoding="utf-8")
    scrape = {
        "job_name": "crawlfleet",
        # Else Prometheus renames the jobs' own label namespace to exported_namespace.
        "honor_labels": True,
        "static_configs": [{"targets": [target]}],
    }
    configuration = {
        "global": {"scrape_interval": interval, "evaluation_interval": interval},
        "rule_files": [str((folder / "rules.json").resolve())],
        "scrape_configs": [scrape],
    }
    (folder / "prometheus.yml").write_text(json.dumps(configuration), encoding="utf-8")
    port = _free_port()
    command = [
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with _running(command, folder / "prometheus.log", None):
        yield Prometheus(f"http://127.0.0.1:{port}")


@contextmanager
def _running(command: Sequence[str], log: Path, kube: Kube | None) -> Iterator[None]:
    environment = {**os.environ, **(kube.environment if kube else {})}
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
