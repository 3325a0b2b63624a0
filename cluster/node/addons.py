"""What does a bare node need inside, to be a cluster: names for Services, and volumes for claims."""

from __future__ import annotations

from pathlib import Path

from cluster import paths
from cluster.images import COREDNS_IMAGE, PROVISIONER_IMAGE
from cluster.node import layout
from cluster.run import run

_MANIFESTS = Path(__file__).parent / "manifests"


def apply() -> None:
    """Apply the manifests of the parts and wait until they serve."""
    values = {
        "COREDNS_IMAGE": COREDNS_IMAGE,
        "DNS_ADDRESS": layout.DNS_ADDRESS,
        "PROVISIONER_IMAGE": PROVISIONER_IMAGE,
        "VOLUMES": str(layout.VOLUMES),
    }
    layout.VOLUMES.mkdir(parents=True, exist_ok=True)
    for manifest in sorted(_MANIFESTS.glob("*.yaml")):
        text = manifest.read_text()
        for name, value in values.items():
            text = text.replace(f"@{name}@", value)
        kubectl("apply", "--server-side", "-f", "-", stdin=text)
    for deployment in ("coredns", "local-path-provisioner"):
        kubectl("-n", "kube-system", "rollout", "status", f"deployment/{deployment}", "--timeout=90s")


def kubectl(*arguments: str, stdin: str | None = None) -> str:
    """Run kubectl as administrator of the node and return what it printed."""
    environment = {"KUBECONFIG": str(paths.KUBECONFIG), "KUBECACHEDIR": str(paths.STATE / "kubectl-cache")}
    return run(paths.BIN / "kubectl", *arguments, stdin=stdin, env=environment).stdout
