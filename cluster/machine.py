"""Can this machine run the bundled cluster, and what is missing when it cannot?

Nothing is changed before everything that cannot be mended here has been ruled out.
"""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Mapping
from pathlib import Path

from cluster.errors import ClusterError
from cluster.progress import step
from cluster.run import run

# What must be there, and the Debian package that brings it.
CONTROL_PLANE = {"openssl": "openssl", "setpriv": "util-linux"}
IMAGES = {"buildah": "buildah", "mmdebstrap": "mmdebstrap"}
NODE = CONTROL_PLANE | {
    "conntrack": "conntrack",
    "ip": "iproute2",
    "iptables": "iptables",
    "mount": "mount",
    "nft": "nftables",
    "nsenter": "util-linux",
    "runc": "runc",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
}
_OTHER_CLUSTER = "use a cluster of your own instead: CLUSTER=current REGISTRY=host:port"


def require_programs(needed: Mapping[str, str]) -> None:
    """Make sure these programs are there: installed with apt by root on Debian, else named with the line to type."""
    missing = sorted({package for program, package in needed.items() if not _there(program)})
    if not missing:
        return
    line = "apt-get install -y --no-install-recommends " + " ".join(missing)
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise ClusterError(f"missing: {', '.join(missing)}. On Debian, as root: {line}")
    with step(f"installing Debian packages: {' '.join(missing)}"):
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        run("apt-get", "update", "-q", env=quiet)
        run(*line.split(), env=quiet, timeout=900)


def require_node() -> None:
    """Rule out what cannot be mended (another system, no root), then bring in what can."""
    problems = [
        problem
        for problem, holds in {
            "this is not Linux": platform.system() != "Linux",
            "only root can make network namespaces, mounts and cgroups (try sudo)": os.geteuid() != 0,
            "there are no cgroups in /sys/fs/cgroup": not any(Path("/sys/fs/cgroup").glob("*")),
        }.items()
        if holds
    ]
    if problems:
        raise ClusterError(f"the bundled cluster cannot run here: {'; '.join(problems)}. Or {_OTHER_CLUSTER}")
    require_programs(NODE)


def _there(program: str) -> bool:
    administrators = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin"
    return shutil.which(program, path=administrators) is not None
