"""A real Kubernetes API for tests: etcd, API server and controllers, up in seconds, gone with their user.

    with ControlPlane(tmp_path) as plane:
        plane.kubectl("apply", "-f", "-", stdin=manifest)

There is no kubelet and no scheduler: Deployments make ReplicaSets and these make Pods, which stay Pending.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import TracebackType

from cluster import kubeconfig, paths, tools
from cluster.certificates import Authority
from cluster.control_plane_process import READY
from cluster.errors import ClusterError
from cluster.run import run

_LEAVE_SECONDS = 20


class ControlPlane:
    """A control plane that lives as long as the `with` block, whatever becomes of the process that holds it.

    Logs, the audit log and the kubeconfigs stay in `directory` afterwards; etcd's data does not.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory.resolve()
        self.kubeconfig = self.directory / "kubeconfig"  # of an administrator
        self.audit_log = self.directory / "audit.log"
        self.url = ""
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> ControlPlane:
        """Start it and wait until it answers; ClusterError with the daemons' words when it does not."""
        tools.ensure("control-plane")
        self.directory.mkdir(parents=True, exist_ok=True)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "cluster", "control-plane", "--dir", self.directory, "--until-input-closes"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(self.directory / "control-plane.log").open("wb"),
            text=True,
            cwd=paths.REPOSITORY,
            start_new_session=True,
        )
        try:
            self.url = self._await_ready(self._process)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End all of it."""
        self._stop()

    def kubectl(
        self, *args: str, stdin: str | None = None, check: bool = True, kubeconfig: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl as administrator, or as the user of another kubeconfig; CommandError shows its words."""
        cache = str(self.directory / "kubectl-cache")  # a shared one would mix up clusters on a reused port
        environment = {"KUBECONFIG": str(kubeconfig or self.kubeconfig), "KUBECACHEDIR": cache}
        return run(paths.BIN / "kubectl", *args, stdin=stdin, check=check, env=environment)

    def user_kubeconfig(self, user: str, groups: list[str]) -> Path:
        """Return a kubeconfig that identifies as this user, a member of these groups (no rights come with it)."""
        name = "user-" + re.sub(r"[^A-Za-z0-9.-]", "_", "-".join([user, *groups]))
        authority = Authority(self.directory / "pki")
        issued = authority.issue(name, user, groups)
        return kubeconfig.write(self.directory / f"{name}.kubeconfig", self.url, authority, issued)

    def _await_ready(self, process: subprocess.Popen[str]) -> str:
        assert process.stdout is not None  # noqa: S101  # asked for above
        words = process.stdout.readline().split()
        if len(words) == 2 and words[0] == READY:
            return words[1]
        said = (self.directory / "control-plane.log").read_text(errors="replace")
        raise ClusterError(f"the control plane did not start (its logs are in {self.directory}):\n{said}")

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin:
            process.stdin.close()
        try:
            process.wait(_LEAVE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()
