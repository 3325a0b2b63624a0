"""A real `crawlfleet-operator` process against a control plane, with the rights of the chart's ClusterRole alone.

It is not called `operator.py`: pytest puts this folder on the import path, and the standard library has a module of
that name.
"""

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from cluster.control_plane import ControlPlane
from cluster.run import wait_until
from tests.api.audit_log import AuditLog, Request
from tests.chart.helm import render
from tests.servers.ports import free_port

PROGRAM = Path(sys.executable).with_name("crawlfleet-operator")
START_SECONDS = 60.0
STOP_SECONDS = 20.0
_SAMPLE = re.compile(r"^(\w+(?:\{[^}]*\})?) (\S+)$", re.MULTILINE)


class OperatorProcess:
    """One operator; it can be killed and started again under the same name."""

    def __init__(
        self, plane: ControlPlane, operator_class: str, name: str, environment: Mapping[str, str] | None = None
    ) -> None:
        self.user = f"operator-{name}"
        self.operator_class = operator_class
        self.log_file = plane.directory / f"{self.user}.log"
        self._audit = AuditLog(plane.audit_log)
        self._health_port, self._metrics_port = free_port(), free_port()
        self._environment = {
            **os.environ,
            "KUBECONFIG": str(_kubeconfig_with_chart_rights(plane, self.user)),
            "CRAWLFLEET_OPERATOR_CLASS": operator_class,
            "CRAWLFLEET_BIND_ADDRESS": "127.0.0.1",
            "CRAWLFLEET_HEALTH_PORT": str(self._health_port),
            "CRAWLFLEET_METRICS_PORT": str(self._metrics_port),
            **(environment or {}),
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id; it must run."""
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        """What it logged so far, over all its starts."""
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def start(self) -> None:
        """Start it and wait until /readyz says that it watches."""
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen([PROGRAM], env=self._environment, stdout=log, stderr=log)
        wait_until(self._is_ready, f"{self.user} to be ready", START_SECONDS, abandon=self._end)

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        process, self._process = self._process, None
        if process is None:
            return 0
        process.terminate()
        try:
            return process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise

    def kill(self) -> None:
        """SIGKILL."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def metrics(self) -> dict[str, float]:
        """Return the samples of /metrics by `name{labels}`."""
        text = self._get(self._metrics_port, "metrics")
        return {name: float(value) for name, value in _SAMPLE.findall(text)}

    def mark(self) -> int:
        """Return the present end of the audit log, for `writes` and `refusals`."""
        return self._audit.mark()

    def writes(self, since: int = 0) -> list[Request]:
        """Return its mutating requests, Events and Leases apart."""
        return self._audit.writes(self.user, since)

    def changes(self, since: int = 0) -> list[Request]:
        """Return its mutating requests, Events and Leases included."""
        return self._audit.changes(self.user, since)

    def refusals(self, since: int = 0) -> list[Request]:
        """Return what its rights did not allow."""
        return self._audit.refusals(self.user, since)

    def _is_ready(self) -> bool:
        try:
            return self._get(self._health_port, "readyz") == "ok\n"
        except (urllib.error.URLError, OSError):
            return False

    def _end(self) -> str | None:
        code = self._process.poll() if self._process else None
        return None if code is None else f"it ended with {code}:\n{self.log[-4000:]}"

    def _get(self, port: int, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=10) as answer:
            return str(answer.read().decode())


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process, user and system, by /proc."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process, by /proc."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def running_operator(
    plane: ControlPlane, operator_class: str, name: str, environment: Mapping[str, str] | None = None
) -> Iterator[OperatorProcess]:
    """Run an operator as long as the block; `name` makes its user's name and its log's."""
    operator = OperatorProcess(plane, operator_class, name, environment)
    operator.start()
    try:
        yield operator
    finally:
        operator.kill()


def _kubeconfig_with_chart_rights(plane: ControlPlane, user: str) -> Path:
    role = _chart_role()
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": user},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role["metadata"]["name"]},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
    }
    both = {"apiVersion": "v1", "kind": "List", "items": [role, binding]}
    plane.kubectl("apply", "-f", "-", stdin=json.dumps(both))
    return plane.user_kubeconfig(user, [])


@cache
def _chart_role() -> dict[str, Any]:
    manifests = render()
    (bound,) = [each["roleRef"]["name"] for each in manifests if each["kind"] == "ClusterRoleBinding"]
    (role,) = [each for each in manifests if each["kind"] == "ClusterRole" and each["metadata"]["name"] == bound]
    return role
