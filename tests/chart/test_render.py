"""What does the chart render? Without a cluster."""

import json
from typing import Any

import pytest
import yaml

from tests.chart import helm
from tests.chart.helm import CHART, EVERYTHING, MINIMAL, REPOSITORY, HelmError, Manifest, of_kind, only, render


def test_lint_has_no_complaint() -> None:
    helm.helm("lint", "--strict", "--kube-version", helm.KUBERNETES, CHART, values=MINIMAL)


def test_rendering_twice_gives_the_same_bytes() -> None:
    assert helm.render_text(EVERYTHING) == helm.render_text(EVERYTHING)


def test_without_an_image_it_says_which_value_is_missing() -> None:
    with pytest.raises(HelmError, match=r"image\.repository: name the operator's image"):
        helm.helm("template", "x", CHART, "--kube-version", helm.KUBERNETES, values={})


def test_an_older_kubernetes_is_refused() -> None:
    with pytest.raises(HelmError, match=r"requires kubeVersion: >=1\.29"):
        helm.helm("template", "x", CHART, "--kube-version", "1.28.15", values=MINIMAL)


def test_the_floor_is_accepted() -> None:
    helm.helm("template", "x", CHART, "--kube-version", "1.29.0-gke.100", values=MINIMAL)


@pytest.mark.parametrize(
    ("image", "reference"),
    [
        ({"repository": "r.example/op"}, "r.example/op:0.1.0"),
        ({"repository": "r.example:5000/op", "tag": "7"}, "r.example:5000/op:7"),
        ({"repository": "op", "tag": "7", "digest": f"sha256:{'a' * 64}"}, f"op@sha256:{'a' * 64}"),
    ],
)
def test_image_reference(image: dict[str, str], reference: str) -> None:
    manifests = helm.helm("template", "x", CHART, "--kube-version", helm.KUBERNETES, values={"image": image})
    objects = [each for each in yaml.safe_load_all(manifests) if each]
    images = [pod["containers"][0]["image"] for pod in _pod_specs(objects)]
    assert images == [reference] * 2  # the operator and the pod of `helm test`


def test_environment_of_the_operator() -> None:
    values = {
        "operatorClass": "blue",
        "watchNamespaces": ["b", "a", "b"],
        "resyncSeconds": 60,
        "log": {"level": "debug", "format": "plain"},
        "redis": {
            "image": "r.example/redis:7",
            "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": None},
        },
    }
    given = helm.environment(only(render(values), "Deployment"))
    resources = json.loads(given.pop("CRAWLFLEET_REDIS_RESOURCES"))
    assert resources == {"requests": {"cpu": "1", "memory": "1Gi"}}
    assert given == {
        "CRAWLFLEET_OPERATOR_CLASS": "blue",
        "CRAWLFLEET_WATCH_NAMESPACES": "a,b",
        "CRAWLFLEET_RESYNC_SECONDS": "60",
        "CRAWLFLEET_REDIS_IMAGE": "r.example/redis:7",
        "CRAWLFLEET_LOG_LEVEL": "debug",
        "CRAWLFLEET_LOG_FORMAT": "plain",
        "CRAWLFLEET_POD_NAME": {"fieldRef": {"fieldPath": "metadata.name"}},
        "CRAWLFLEET_POD_NAMESPACE": {"fieldRef": {"fieldPath": "metadata.namespace"}},
    }


def test_the_largest_resync_is_written_in_digits() -> None:
    given = helm.environment(only(render({"resyncSeconds": 86400}), "Deployment"))
    assert given["CRAWLFLEET_RESYNC_SECONDS"] == "86400"


def test_every_container_has_a_read_only_root_and_a_number_for_a_user() -> None:
    pods = list(_pod_specs(render(EVERYTHING)))
    assert len(pods) == 2
    for pod in pods:
        assert pod["securityContext"]["runAsUser"] == 65532
        for container in pod["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert container["resources"]["limits"]["memory"]


def test_only_the_operator_has_a_token() -> None:
    manifests = render()
    assert [pod["automountServiceAccountToken"] for pod in _pod_specs(manifests)] == [True, False]
    assert only(manifests, "ServiceAccount")["automountServiceAccountToken"] is False


def test_crds_are_those_of_the_repository_and_stay() -> None:
    sources = {path.name: yaml.safe_load(path.read_text()) for path in (REPOSITORY / "crds").glob("*.yaml")}
    rendered = of_kind(render(), "CustomResourceDefinition")
    assert [each["spec"] for each in rendered] == [sources[name]["spec"] for name in sorted(sources)]
    for crd in rendered:
        assert crd["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


def test_crds_can_be_left_out() -> None:
    assert not of_kind(render({"crds": {"install": False}}), "CustomResourceDefinition")


def test_metrics_annotations_are_on_by_default_and_can_be_off() -> None:
    def annotations(values: helm.Values) -> Any:
        return only(render(values), "Deployment")["spec"]["template"]["metadata"]["annotations"]

    assert annotations({})["prometheus.io/port"] == "8081"
    assert "prometheus.io/scrape" not in annotations({"metrics": {"annotations": False}})


@pytest.mark.parametrize(
    ("values", "kind", "switch"),
    [
        ({"metrics": {"podMonitor": {"enabled": True}}}, "PodMonitor", "metrics.podMonitor.enabled"),
        ({"metrics": {"serviceMonitor": {"enabled": True}}}, "ServiceMonitor", "metrics.serviceMonitor.enabled"),
        ({"alerts": {"enabled": True}}, "PrometheusRule", "alerts.enabled"),
    ],
)
def test_objects_of_the_prometheus_operator(values: helm.Values, kind: str, switch: str) -> None:
    assert not of_kind(render(), kind)
    assert only(render(values), kind)["apiVersion"] == helm.MONITORING
    with pytest.raises(HelmError, match=f"{switch}=true needs the Prometheus operator's CRDs .{kind}"):
        render(values, apis=())


def test_monitors_select_the_operator() -> None:
    manifests = render(merge_labels({"release": "prometheus"}))
    pod = only(manifests, "Deployment")["spec"]["template"]
    service = only(manifests, "Service")
    by_pod, by_service = only(manifests, "PodMonitor"), only(manifests, "ServiceMonitor")
    assert _matches(by_pod["spec"]["selector"]["matchLabels"], pod["metadata"]["labels"])
    assert _matches(by_service["spec"]["selector"]["matchLabels"], service["metadata"]["labels"])
    assert _matches(service["spec"]["selector"], pod["metadata"]["labels"])
    ports = {port["name"]: port["containerPort"] for port in pod["spec"]["containers"][0]["ports"]}
    assert ports[by_pod["spec"]["podMetricsEndpoints"][0]["port"]] == 8081
    assert by_service["spec"]["endpoints"][0]["port"] in {port["name"] for port in service["spec"]["ports"]}
    assert {each["metadata"]["labels"]["release"] for each in (by_pod, by_service)} == {"prometheus"}


def merge_labels(labels: dict[str, str]) -> helm.Values:
    monitor = {"enabled": True, "labels": labels}
    return {"metrics": {"podMonitor": monitor, "serviceMonitor": monitor}}


def test_the_pod_of_helm_test_is_no_endpoint_of_the_service() -> None:
    manifests = render()
    assert not _matches(only(manifests, "Service")["spec"]["selector"], only(manifests, "Pod")["metadata"]["labels"])


def test_dashboards_are_labelled_config_maps() -> None:
    files = {path.name: json.loads(path.read_text()) for path in (CHART / "dashboards").glob("*.json")}
    values = {
        "dashboards": {"label": "grafana.example/board", "labelValue": "yes", "folder": "Crawls", "namespace": "g"}
    }
    maps = of_kind(render(values), "ConfigMap")
    assert {name: json.loads(text) for each in maps for name, text in each["data"].items()} == files
    for each in maps:
        assert each["metadata"]["labels"]["grafana.example/board"] == "yes"
        assert each["metadata"]["annotations"] == {"grafana_folder": "Crawls"}
        assert each["metadata"]["namespace"] == "g"
    assert not of_kind(render({"dashboards": {"enabled": False}}), "ConfigMap")


def test_names_follow_the_release_and_the_overrides() -> None:
    assert only(render(), "Deployment")["metadata"]["name"] == "crawlfleet"
    assert only(render({"nameOverride": "op"}), "Deployment")["metadata"]["name"] == "crawlfleet-op"
    assert only(render({"fullnameOverride": "op"}), "Deployment")["metadata"]["name"] == "op"


def test_a_long_name_is_cut_and_still_valid() -> None:
    for manifest in render(EVERYTHING | {"fullnameOverride": "a" * 63}):
        if manifest["kind"] != "CustomResourceDefinition":
            assert len(manifest["metadata"]["name"]) <= 63


def test_existing_service_account_has_to_be_named() -> None:
    with pytest.raises(HelmError, match=r"serviceAccount\.name: name the existing"):
        render({"serviceAccount": {"create": False}})
    manifests = render({"serviceAccount": {"create": False, "name": "mine"}})
    assert not of_kind(manifests, "ServiceAccount")
    (subject,) = only(manifests, "ClusterRoleBinding")["subjects"]
    assert subject == {"kind": "ServiceAccount", "name": "mine", "namespace": "crawlfleet-system"}


def _pod_specs(manifests: list[Manifest]) -> list[dict[str, Any]]:
    deployments = [each["spec"]["template"]["spec"] for each in of_kind(manifests, "Deployment")]
    return deployments + [each["spec"] for each in of_kind(manifests, "Pod")]


def _matches(selector: dict[str, str], labels: dict[str, str]) -> bool:
    return selector.items() <= labels.items()
