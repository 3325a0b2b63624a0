"""Which programs and which kubeconfig the demo uses."""

import pytest

from cluster import paths
from demo.kube import Kube


@pytest.mark.parametrize(
    ("chosen", "environment"), [("bundled", {"KUBECONFIG": str(paths.KUBECONFIG)}), ("current", {})]
)
def test_the_programs_are_those_of_cluster_up_and_the_kubeconfig_is_the_chosen_clusters(
    chosen: str, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLUSTER", chosen)
    kube = Kube.bundled_or_current()
    assert (kube.kubectl, kube.helm) == (str(paths.BIN / "kubectl"), str(paths.BIN / "helm"))
    assert kube.environment == environment
