"""With which arguments do the parts of the control plane run?

One place for both users: the control plane of the tests (loopback, free ports) and the node (its own namespace).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from cluster import kubeconfig, paths
from cluster.certificates import Authority, Certificate, SigningPair

SERVICE_CIDR = "10.96.0.0/16"
SERVICE_ADDRESS = "10.96.0.1"
ADMIN_GROUP = "system:masters"


@dataclass(frozen=True)
class Plan:
    """What has to be known before any part starts: addresses, and where its files are."""

    directory: Path
    address: str
    api_port: int
    etcd_port: int
    controllers_port: int = 0  # 0: serve no port
    scheduler_port: int = 0
    name: str = "crawlfleet"

    @property
    def url(self) -> str:
        """The API server's address."""
        return f"https://{self.address}:{self.api_port}"

    @property
    def etcd_url(self) -> str:
        """Where etcd listens; never beyond the loopback device."""
        return f"http://127.0.0.1:{self.etcd_port}"

    @property
    def audit_log(self) -> Path:
        """One JSON object a line, a line for each request: `user.username`, `verb`, `objectRef`, `responseStatus`."""
        return self.directory / "audit.log"

    @property
    def admin_kubeconfig(self) -> Path:
        """The kubeconfig of a cluster administrator."""
        return self.directory / "kubeconfig"


@dataclass(frozen=True)
class Identities:
    """Everything that signs or identifies in one control plane."""

    authority: Authority
    server: Certificate
    admin: Certificate
    tokens: SigningPair


def create_identities(plan: Plan) -> Identities:
    """Make keys and certificates, and the kubeconfigs of the administrator and of the two controllers."""
    authority = Authority.create(plan.directory / "pki")
    names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost"]
    server = authority.issue("apiserver", "kube-apiserver", hosts=[*names, "127.0.0.1", plan.address, SERVICE_ADDRESS])
    admin = authority.issue("admin", "admin", [ADMIN_GROUP])
    kubeconfig.write(plan.admin_kubeconfig, plan.url, authority, admin, plan.name)
    for part in ("kube-controller-manager", "kube-scheduler"):
        kubeconfig.write(_config(plan, part), plan.url, authority, authority.issue(part, f"system:{part}"), plan.name)
    return Identities(authority, server, admin, authority.signing_pair("service-accounts"))


def etcd(plan: Plan) -> list[str]:
    """Run etcd without fsync: the data need not outlive the machine, and the disk is everyone's."""
    return [
        str(paths.BIN / "etcd"),
        f"--data-dir={plan.directory / 'etcd'}",
        f"--listen-client-urls={plan.etcd_url}",
        f"--advertise-client-urls={plan.etcd_url}",
        "--listen-peer-urls=http://127.0.0.1:0",
        "--unsafe-no-fsync",
        "--quota-backend-bytes=4294967296",
        "--log-level=warn",
    ]


def apiserver(plan: Plan, identities: Identities) -> list[str]:
    """Serve with RBAC, service account tokens, Pod Security admission (on by default), an audit log."""
    return [
        str(paths.BIN / "kube-apiserver"),
        f"--etcd-servers={plan.etcd_url}",
        f"--bind-address={plan.address}",
        f"--advertise-address={plan.address}",
        f"--secure-port={plan.api_port}",
        f"--service-cluster-ip-range={SERVICE_CIDR}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        f"--client-ca-file={identities.authority.root.certificate}",
        f"--tls-cert-file={identities.server.certificate}",
        f"--tls-private-key-file={identities.server.key}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={identities.tokens.public}",
        f"--service-account-signing-key-file={identities.tokens.private}",
        "--allow-privileged=true",
        "--profiling=false",
        f"--audit-log-path={plan.audit_log}",
        f"--audit-policy-file={_audit_policy(plan)}",
        "--audit-log-maxsize=2000",
        "--audit-log-maxbackup=1",
    ]


def controller_manager(plan: Plan, identities: Identities) -> list[str]:
    """Run all controllers, each as a service account of its own, as in a real cluster."""
    return [
        str(paths.BIN / "kube-controller-manager"),
        *_controller_arguments(plan, "kube-controller-manager", plan.controllers_port),
        f"--service-account-private-key-file={identities.tokens.private}",
        f"--root-ca-file={identities.authority.root.certificate}",
        "--use-service-account-credentials=true",
        f"--flex-volume-plugin-dir={plan.directory / 'flex-volumes'}",
    ]


def scheduler(plan: Plan) -> list[str]:
    """Run the default scheduler."""
    return [
        str(paths.BIN / "kube-scheduler"),
        *_controller_arguments(plan, "kube-scheduler", plan.scheduler_port),
    ]


def _controller_arguments(plan: Plan, part: str, port: int) -> list[str]:
    config = _config(plan, part)
    return [
        f"--kubeconfig={config}",
        f"--authentication-kubeconfig={config}",
        f"--authorization-kubeconfig={config}",
        "--leader-elect=false",
        "--kube-api-qps=300",  # the default of 20 makes the first start take seconds longer
        "--kube-api-burst=600",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        "--profiling=false",
    ]


def _config(plan: Plan, part: str) -> Path:
    return plan.directory / "pki" / f"{part}.kubeconfig"


def _audit_policy(plan: Plan) -> Path:
    policy = {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [
            {"level": "None", "nonResourceURLs": ["/healthz*", "/livez*", "/readyz*"]},
            {"level": "Metadata"},
        ],
    }
    path = plan.directory / "audit-policy.json"
    path.write_text(json.dumps(policy, indent=2) + "\n")
    return path
