"""Under which names and addresses does the node exist on this machine?

Names of namespaces, links and cgroups are the machine's, not the checkout's: all checkouts share one node's names, and
which of them runs it is written in OWNER. CRAWLFLEET_NODE=name gives another set of names: the tests of the cluster
leave the node alone that people work with.
"""

from __future__ import annotations

import os
import re
import zlib
from pathlib import Path

from cluster import paths
from cluster.errors import ClusterError

_USUAL_NAME = "crawlfleet"
NAME = os.environ.get("CRAWLFLEET_NODE") or _USUAL_NAME  # of the node, its network namespace, its cgroup
if not re.fullmatch(r"[a-z][a-z0-9]{0,11}", NAME):
    raise ClusterError(f"CRAWLFLEET_NODE={NAME}: at most 12 lower-case letters and digits")
RUN = Path("/run") / NAME  # sockets and mounts: a unix socket's path must be short
OWNER = RUN / "owner.json"
LOCK = Path("/run/lock") / f"{NAME}-cluster"
NAMESPACE = Path("/run/netns") / NAME
HOST_LINK = f"{NAME}0"
NODE_LINK = "uplink"
_NET = "10.201.77" if NAME == _USUAL_NAME else f"10.201.{100 + zlib.crc32(NAME.encode()) % 150}"
HOST_ADDRESS = f"{_NET}.1"
NODE_ADDRESS = f"{_NET}.2"
PREFIX_LENGTH = 30
POD_CIDR = "10.244.0.0/24"
DNS_ADDRESS = "10.96.0.10"
CONTAINERD_SOCKET = RUN / "containerd.sock"
CGROUPS = Path("/sys/fs/cgroup")
REGISTRY = f"{HOST_ADDRESS}:5000"  # a registry here may be asked without TLS

# What belongs to the node inside `.cluster`, and goes with it; `bin` stays.
KEPT = frozenset({"bin"})
LOGS = paths.STATE / "logs"
VOLUMES = paths.STATE / "volumes"


def in_network(*argv: str | Path) -> list[str]:
    """Return the command line that runs a program in the node's network (root only).

    From there Services and pods are reachable by address. (`ip netns exec` would remount /sys and hide the cgroups.)
    """
    return ["nsenter", f"--net={NAMESPACE}", *map(str, argv)]
