"""With which settings does the container runtime run on such machines?"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from cluster import paths
from cluster.images import PAUSE_IMAGE
from cluster.node import layout, network

# Values are written as JSON strings, which TOML reads as its own.
_TEMPLATE = """
version = 3
root = {root}
state = {state}
disabled_plugins = [
  "io.containerd.nri.v1.nri",
  "io.containerd.snapshotter.v1.blockfile",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.erofs",
  "io.containerd.snapshotter.v1.zfs",
]

[grpc]
address = {socket}

[ttrpc]
address = {ttrpc}

[plugins."io.containerd.internal.v1.opt"]
path = {opt}

[plugins."io.containerd.cri.v1.runtime"]
# Without CAP_SYS_RESOURCE nobody may lower an OOM score, and runc would die of trying.
restrict_oom_score_adj = true
netns_mounts_under_state_dir = true
disable_apparmor = true

[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["/usr/lib/cni"]
conf_dir = {cni}

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
BinaryName = {runc}
Root = {runc_state}
SystemdCgroup = false

[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = {pause}

[plugins."io.containerd.cri.v1.images".registry]
config_path = {registries}
"""


def write_configuration() -> Path:
    """Write the runtime's configuration file and return its path."""
    settings = {
        "root": paths.STATE / "containerd",
        "opt": paths.STATE / "containerd-opt",
        "state": layout.RUN / "containerd",
        "socket": layout.CONTAINERD_SOCKET,
        "ttrpc": f"{layout.CONTAINERD_SOCKET}.ttrpc",
        "cni": network.write_pod_network(),
        "runc": shutil.which("runc", path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        "runc_state": layout.RUN / "runc",
        "pause": PAUSE_IMAGE,
        "registries": _write_registries(),
    }
    path = paths.STATE / "containerd.toml"
    path.write_text(_TEMPLATE.format(**{name: json.dumps(str(value)) for name, value in settings.items()}))
    return path


def command(configuration: Path) -> list[str]:
    """Return the runtime's command line."""
    return [str(paths.BIN / "containerd"), "--config", str(configuration), "--log-level", "warn"]


def _write_registries() -> Path:
    """Allow plain HTTP to a registry on the machine's end of the veth pair, for trying CLUSTER=current."""
    directory = paths.STATE / "registries"
    host = directory / layout.REGISTRY
    host.mkdir(parents=True, exist_ok=True)
    (host / "hosts.toml").write_text(f'server = "http://{layout.REGISTRY}"\n')
    return directory
