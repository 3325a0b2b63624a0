"""A node of the tests' own, beside the one people work with; and a look at what it left on the machine."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from cluster import paths

NAME = "cftrial"
UP_SECONDS = 400


@dataclass(frozen=True)
class TrialNode:
    """The commands of the cluster, on the trial node; `state` stands for a checkout's `.cluster`."""

    state: Path

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "cluster", *words]

    def environment(self) -> dict[str, str]:
        others = {name: value for name, value in os.environ.items() if name not in {"CI", "CLUSTER", "KUBECONFIG"}}
        return others | {"CRAWLFLEET_NODE": NAME, "CRAWLFLEET_STATE": str(self.state)}

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words),
            env=self.environment(),
            cwd=paths.REPOSITORY,
            capture_output=True,
            text=True,
            timeout=UP_SECONDS,
            check=False,
        )

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*words), env=self.environment(), cwd=paths.REPOSITORY, stderr=subprocess.PIPE, text=True
        )

    def kubectl(self, *words: str) -> str:
        argv = [str(self.state / "bin" / "kubectl"), f"--kubeconfig={self.state / 'kubeconfig'}", *words]
        return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60).stdout


def processes() -> set[int]:
    """Return the processes in the trial node's cgroups."""
    found: set[int] = set()
    for procs in Path("/sys/fs/cgroup").glob(f"**/{NAME}/**/cgroup.procs"):
        found.update(int(line) for line in procs.read_text().split())
    return found


def traces(state: Path) -> list[str]:
    """Look at the machine for everything of the trial node, in the kernel's own words and not the cluster's code."""
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    links = [path.name for path in Path("/sys/class/net").iterdir()]
    rules = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True).stdout
    files = [state / name for name in ("etcd", "containerd", "kubelet", "pki", "kubeconfig", "volumes", "audit.log")]
    files += [Path("/run") / NAME, Path("/run/netns") / NAME]
    return [
        *(f"process {pid}" for pid in processes()),
        *(f"mount {line}" for line in mounts if NAME in line or str(state) in line),
        *(f"link {link}" for link in links if link.startswith(NAME)),
        *(f"cgroup {path}" for path in Path("/sys/fs/cgroup").glob(f"**/{NAME}")),
        *(f"table {line}" for line in rules.splitlines() if "kube-proxy" in line or "crawlfleet" in line),
        *(f"file {path}" for path in files if path.exists()),
        *(f"result {path}" for path in Path("/var/lib/cni/results").glob(f"{NAME}-*")),
        *(f"log {path}" for path in Path("/var/log/containers").glob("*") if str(state) in str(path.readlink())),
    ]
