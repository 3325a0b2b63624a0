"""With which settings do kubelet and kube-proxy run?"""

from __future__ import annotations

import json
from pathlib import Path

from cluster import kubeconfig, paths
from cluster.components import Identities, Plan
from cluster.node import layout

_PODS = 110


def kubelet(plan: Plan, identities: Identities) -> list[str]:
    """Write the kubelet's files and return its command line."""
    authority = identities.authority
    serving = authority.issue("kubelet-serving", layout.NAME, hosts=[layout.NAME, layout.NODE_ADDRESS])
    user = authority.issue("kubelet", f"system:node:{layout.NAME}", ["system:nodes"])
    config = kubeconfig.write(plan.directory / "pki" / "kubelet.kubeconfig", plan.url, authority, user)
    settings = _kubelet_settings(authority.root.certificate)
    settings |= {"tlsCertFile": str(serving.certificate), "tlsPrivateKeyFile": str(serving.key)}
    return [
        str(paths.BIN / "kubelet"),
        f"--config={_write('kubelet.json', settings)}",
        f"--kubeconfig={config}",
        f"--hostname-override={layout.NAME}",
        f"--node-ip={layout.NODE_ADDRESS}",
        f"--root-dir={paths.STATE / 'kubelet'}",
        f"--cert-dir={paths.STATE / 'kubelet' / 'pki'}",
    ]


def kube_proxy(plan: Plan, identities: Identities) -> list[str]:
    """Write kube-proxy's files and return its command line."""
    authority = identities.authority
    user = authority.issue("kube-proxy", "system:kube-proxy")
    config = kubeconfig.write(plan.directory / "pki" / "kube-proxy.kubeconfig", plan.url, authority, user)
    settings = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clientConnection": {"kubeconfig": str(config)},
        "hostnameOverride": layout.NAME,
        "clusterCIDR": layout.POD_CIDR,
        "conntrack": {"maxPerCore": 0, "min": 0},  # the table's size is the machine's, not ours
        "oomScoreAdj": 0,
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
    }
    return [str(paths.BIN / "kube-proxy"), f"--config={_write('kube-proxy.json', settings)}"]


def _kubelet_settings(authority: Path) -> dict[str, object]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(authority)},
        },
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{layout.NAME}",
        "failCgroupV1": False,
        "localStorageCapacityIsolation": False,
        "containerRuntimeEndpoint": f"unix://{layout.CONTAINERD_SOCKET}",
        "clusterDNS": [layout.DNS_ADDRESS],
        "clusterDomain": "cluster.local",
        "resolvConf": str(_no_resolver()),
        "podLogsDir": str(paths.STATE / "pod-logs"),
        "maxPods": _PODS,
        "systemReserved": {"memory": "1Gi"},
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,  # loaded images cannot be pulled again
        "imageGCLowThresholdPercent": 99,
        # Else an image that was pulled once, under any name, is pulled again under all others: loaded ones cannot be.
        "imagePullCredentialsVerificationPolicy": "NeverVerify",
        "makeIPTablesUtilChains": False,
        "failSwapOn": False,
        "oomScoreAdj": 0,
        "serializeImagePulls": False,
        "volumePluginDir": str(paths.STATE / "kubelet" / "volume-plugins"),
    }


def _no_resolver() -> Path:
    """Pods with the node's own DNS policy get no name server: there is none to be reached."""
    path = paths.STATE / "resolv.conf"
    path.write_text("")
    return path


def _write(name: str, settings: dict[str, object]) -> Path:
    path = paths.STATE / name
    path.write_text(json.dumps(settings, indent=2) + "\n")
    return path
