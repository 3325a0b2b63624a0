"""How is the node's network cut off from the machine's, and which thread joins them?

One veth pair: the machine reaches the node's address (API server, node ports); nothing is forwarded outwards, so pods
reach neither the machine nor anything beyond it.
"""

from __future__ import annotations

import json
from pathlib import Path

from cluster import paths
from cluster.components import SERVICE_CIDR
from cluster.node import layout
from cluster.run import run

_RULES = f"""
table inet crawlfleet {{
    chain forward {{
        type filter hook forward priority filter; policy accept;
        ct state established,related accept
        oifname "{layout.NODE_LINK}" drop
    }}
}}
"""
_SETTINGS = {
    "ipv4/ip_forward": "1",
    "ipv4/conf/all/rp_filter": "0",
    "ipv6/conf/all/disable_ipv6": "1",
    "ipv6/conf/default/disable_ipv6": "1",
}


def create() -> None:
    """Make the namespace, the pair of links, the forwarding settings and the one rule."""
    run("ip", "netns", "add", layout.NAME)
    peer = ("type", "veth", "peer", "name", layout.NODE_LINK, "netns", layout.NAME)
    run("ip", "link", "add", layout.HOST_LINK, *peer)
    _address(layout.HOST_LINK, layout.HOST_ADDRESS)
    for name, value in _SETTINGS.items():
        optional = name != "ipv4/ip_forward"  # not every kernel has every one
        _inside("sh", "-c", f"echo {value} > /proc/sys/net/{name}", check=not optional)
    _inside("ip", "link", "set", "lo", "up")
    _address(layout.NODE_LINK, layout.NODE_ADDRESS, inside=True)
    # Processes of the node itself need some route towards Services before kube-proxy's rules see their packets.
    _inside("ip", "route", "add", SERVICE_CIDR, "dev", layout.NODE_LINK)
    _inside("nft", "-f", "-", stdin=_RULES)


def write_pod_network() -> Path:
    """Write the configuration that gives each pod a routed pair of links, and return its directory."""
    directory = paths.STATE / "cni"
    directory.mkdir(parents=True, exist_ok=True)
    addresses = {
        "type": "host-local",
        "dataDir": str(layout.RUN / "cni"),
        "ranges": [[{"subnet": layout.POD_CIDR}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    network = {
        "cniVersion": "1.0.0",
        "name": layout.NAME,
        "plugins": [{"type": "ptp", "ipMasq": False, "ipam": addresses}],
    }
    (directory / "10-crawlfleet.conflist").write_text(json.dumps(network, indent=2) + "\n")
    return directory


def _address(link: str, address: str, *, inside: bool = False) -> None:
    prefix = layout.in_network() if inside else []
    run(*prefix, "ip", "address", "add", f"{address}/{layout.PREFIX_LENGTH}", "dev", link)
    run(*prefix, "ip", "link", "set", link, "up")


def _inside(*argv: str, stdin: str | None = None, check: bool = True) -> None:
    run(*layout.in_network(*argv), stdin=stdin, check=check)
