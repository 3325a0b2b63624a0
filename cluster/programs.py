"""Which programs does the bundled cluster consist of, and from which Go module does each come?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cluster import paths

KUBERNETES_VERSION = "v1.36.3"
_VERSION_VARIABLES = "k8s.io/component-base/version"
_HELM_VERSION_VARIABLE = "helm.sh/helm/v3/internal/version.version"


@dataclass(frozen=True)
class Module:
    """A directory (below `cluster/go`, where no other home is named) and what is built there.

    `packages` maps the file a package is built into to its import path; `names` are further names one of these files
    is called by (the Kubernetes program is all components in one).
    """

    name: str
    packages: dict[str, str]
    linker_flags: str = ""
    names: tuple[str, ...] = ()
    usual_minutes: str = "1 to 2"
    home: Path | None = None

    @property
    def directory(self) -> Path:
        """Where go.mod is."""
        return (self.home or paths.GO_MODULES) / self.name

    def links(self) -> dict[str, str]:
        """Map each name to be found in the bin directory to the file it stands for."""
        own = {program: program for program in self.packages if not self.names}
        return own | {name: next(iter(self.packages)) for name in self.names}


KUBERNETES = Module(
    "kubernetes",
    {"kubernetes": "."},
    linker_flags=(
        f"-X {_VERSION_VARIABLES}.gitVersion={KUBERNETES_VERSION}"
        f" -X {_VERSION_VARIABLES}.gitMajor=1 -X {_VERSION_VARIABLES}.gitMinor=36"
    ),
    names=(
        "etcd",
        "kube-apiserver",
        "kube-controller-manager",
        "kube-proxy",
        "kube-scheduler",
        "kubectl",
        "kubelet",
    ),
    usual_minutes="5 to 8",
)
HELM = Module(
    "helm",
    {"helm": "helm.sh/helm/v3/cmd/helm"},
    # Without a cluster (`helm template`, `helm lint`) helm believes in Kubernetes 1.20 unless its build says another.
    f"-X {_HELM_VERSION_VARIABLE}=v3.21.4"
    " -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=36"
    " -X helm.sh/helm/v3/pkg/lint/rules.k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor=36",
)
KUBECONFORM = Module("kubeconform", {"kubeconform": "github.com/yannh/kubeconform/cmd/kubeconform"})
CONTAINERD = Module(
    "containerd",
    {
        "containerd": "github.com/containerd/containerd/v2/cmd/containerd",
        "containerd-shim-runc-v2": "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
        "ctr": "github.com/containerd/containerd/v2/cmd/ctr",
    },
    "-X github.com/containerd/containerd/v2/version.Version=v2.2.5",
)
COREDNS = Module("coredns", {"coredns": "."})
PAUSE = Module("pause", {"pause": "."}, usual_minutes="under 1")
PROVISIONER = Module(
    "local-path-provisioner",
    {"local-path-provisioner": "github.com/rancher/local-path-provisioner"},
    "-X main.VERSION=v0.0.30",
)

GROUPS: dict[str, tuple[Module, ...]] = {
    "control-plane": (KUBERNETES,),
    "helm": (HELM,),
    "kubeconform": (KUBECONFORM,),
    "node": (KUBERNETES, CONTAINERD, COREDNS, PROVISIONER, PAUSE, HELM),
}
