"""Does the chart live its life on a real API server: installed, upgraded, uninstalled, installed again?"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import yaml

from cluster.control_plane import ControlPlane
from cluster.errors import CommandError
from cluster.run import wait_until
from tests.chart.conftest import Helm
from tests.chart.helm import CHART, MINIMAL, REPOSITORY, HelmError, of_kind, only, render

CRD = "crd/crawljobs.crawlfleet.io"
CRAWLJOB = """
apiVersion: crawlfleet.io/v1alpha1
kind: CrawlJob
metadata: {name: kept}
spec: {engine: ScrapyRedis, image: registry.example/spiders:1, spider: {name: quotes}}
"""


@pytest.fixture
def crdless(plane: ControlPlane) -> Iterator[None]:
    """No CRD before and after: the chart brings it."""
    plane.kubectl("delete", CRD, "--ignore-not-found")
    yield
    plane.kubectl("delete", CRD, "--ignore-not-found")


@pytest.mark.usefixtures("crdless")
def test_every_object_is_taken_by_the_api_server_as_it_is(plane: ControlPlane, restricted: str) -> None:
    manifests = [each for each in render(apis=()) if each["kind"] != "CustomResourceDefinition"]
    for each in manifests:
        if "namespace" in each["metadata"]:
            each["metadata"]["namespace"] = restricted
    text = yaml.safe_dump_all([*manifests, *of_kind(render(), "CustomResourceDefinition")])
    said = plane.kubectl("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-", stdin=text)
    assert len(said.stdout.splitlines()) == len(manifests) + 1
    assert "Warning" not in said.stderr


@pytest.mark.usefixtures("crdless")
def test_install_upgrade_uninstall_install(
    plane: ControlPlane, on_cluster: Helm, restricted: str, tmp_path: Path
) -> None:
    notes = on_cluster("install", "fleet", CHART, "--namespace", restricted, values=MINIMAL)
    assert f"helm test fleet --namespace {restricted}" in notes
    (applied,) = [line.split()[-1] for line in notes.splitlines() if "kubectl apply" in line]
    assert (REPOSITORY / applied).exists()
    _await_pod(plane, restricted)
    plane.kubectl("wait", "--for=condition=Established", CRD, "--timeout=30s")
    plane.kubectl("apply", "--namespace", restricted, "-f", "-", stdin=CRAWLJOB)

    on_cluster("upgrade", "fleet", _with_a_column(tmp_path), "--namespace", restricted, values=MINIMAL)
    assert "PLANTED" in plane.kubectl("get", "crawljobs", "--namespace", restricted).stdout

    said = on_cluster("uninstall", "fleet", "--namespace", restricted, "--wait")
    assert "crawljobs.crawlfleet.io" in said  # named as kept
    assert _names(plane, restricted, "crawljobs") == ["kept"]
    assert _names(plane, restricted, "deployments,services,roles,rolebindings") == []
    assert "fleet-crawlfleet" not in plane.kubectl("get", "clusterroles,clusterrolebindings", "-o", "name").stdout

    on_cluster("install", "fleet", CHART, "--namespace", restricted, values=MINIMAL)
    assert _names(plane, restricted, "crawljobs") == ["kept"]
    on_cluster("uninstall", "fleet", "--namespace", restricted)


@pytest.mark.usefixtures("crdless")
def test_crds_of_another_owner_are_taken_over_only_when_asked(
    plane: ControlPlane, on_cluster: Helm, restricted: str
) -> None:
    plane.kubectl("apply", "--server-side", "-f", str(REPOSITORY / "crds"))
    install = ("install", "fleet", CHART, "--namespace", restricted)
    with pytest.raises(HelmError, match="cannot be imported into the current release"):
        on_cluster(*install, values=MINIMAL)
    on_cluster(*install, "--take-ownership", values=MINIMAL)
    on_cluster("uninstall", "fleet", "--namespace", restricted)


def test_the_namespace_of_these_tests_refuses_a_pod_that_is_not_restricted(
    plane: ControlPlane, restricted: str
) -> None:
    pod = only(render(apis=()), "Pod")
    pod["metadata"]["namespace"] = restricted
    del pod["spec"]["containers"][0]["securityContext"]["capabilities"]
    with pytest.raises(CommandError, match='violates PodSecurity "restricted'):
        plane.kubectl("apply", "--dry-run=server", "-f", "-", stdin=json.dumps(pod))


def test_a_cluster_without_the_prometheus_operator_is_told_so(on_cluster: Helm, restricted: str) -> None:
    values = {**MINIMAL, "alerts": {"enabled": True}, "crds": {"install": False}}
    with pytest.raises(HelmError, match=r"alerts\.enabled=true needs the Prometheus operator's CRDs"):
        on_cluster("install", f"r-{uuid4().hex[:6]}", CHART, "--namespace", restricted, values=values)


def _with_a_column(directory: Path) -> Path:
    """Return a copy of the chart whose CRD has one printer column more, as a later release might."""
    copy = directory / "crawlfleet"
    shutil.copytree(CHART, copy)
    (file,) = (copy / "files" / "crds").glob("*.yaml")
    crd = yaml.safe_load(file.read_text())
    column = {"name": "Planted", "type": "string", "jsonPath": ".spec.image"}
    crd["spec"]["versions"][0]["additionalPrinterColumns"].append(column)
    file.write_text(yaml.safe_dump(crd))
    return copy


def _await_pod(plane: ControlPlane, namespace: str) -> None:
    """The ReplicaSet could create the pod: Pod Security admitted it. (No node runs it.)"""

    def created() -> bool:
        return len(_names(plane, namespace, "pods")) == 1

    wait_until(created, f"a pod in {namespace}", timeout=20)


def _names(plane: ControlPlane, namespace: str, kinds: str) -> list[str]:
    found = json.loads(plane.kubectl("get", kinds, "--namespace", namespace, "-o", "json").stdout)
    return [each["metadata"]["name"] for each in found["items"]]
