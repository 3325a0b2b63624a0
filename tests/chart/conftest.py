"""A real API server for the chart: one a run, with namespaces under the restricted Pod Security profile."""

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from cluster.control_plane import ControlPlane
from tests.chart.helm import HELM, helm

Helm = Callable[..., str]


@pytest.fixture(scope="session", autouse=True)
def _helm_is_there() -> None:
    if not HELM.exists():
        pytest.fail(f"{HELM} is missing: python3 -m cluster tools helm control-plane kubeconform")


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """An empty control plane; the CRDs come with the chart."""
    with ControlPlane(tmp_path_factory.mktemp("control-plane")) as started:
        yield started


@pytest.fixture(scope="session")
def on_cluster(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Helm, working on the control plane, with caches of its own."""
    home = tmp_path_factory.mktemp("helm")
    env = {"KUBECONFIG": str(plane.kubeconfig)}
    env |= {f"HELM_{name}_HOME": str(home / name) for name in ("CACHE", "CONFIG", "DATA")}

    def run(*arguments: str | Path, **options: object) -> str:
        return helm(*arguments, env=env, **options)  # type: ignore[arg-type]

    return run


@pytest.fixture
def restricted(plane: ControlPlane) -> Iterator[str]:
    """A namespace that refuses every pod that is not restricted."""
    name = f"restricted-{uuid4().hex[:8]}"
    plane.kubectl("create", "namespace", name)
    plane.kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
    yield name
    plane.kubectl("delete", "namespace", name, "--wait=false")
