"""Which values does the chart refuse, and is every value documented?"""

import json
from typing import Any

import pytest
import yaml

from tests.chart.helm import CHART, HelmError, render
from tools import chart_crds, chart_values

REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("a typo at the top", {"imagee": {}}, "imagee"),
    ("a typo in image", {"image": {"repo": "x"}}, "repo"),
    ("a tag that is a number", {"image": {"tag": 1.4}}, "/image/tag"),
    ("a tag with a slash", {"image": {"tag": "a/b"}}, "/image/tag"),
    ("a digest without its algorithm", {"image": {"digest": "abc"}}, "/image/digest"),
    ("a pull policy in lower case", {"image": {"pullPolicy": "always"}}, "/image/pullPolicy"),
    ("a pull secret that is a string", {"imagePullSecrets": ["ghcr"]}, "/imagePullSecrets/0"),
    ("a pull secret without a name", {"imagePullSecrets": [{}]}, "name"),
    ("namespaces as a string", {"watchNamespaces": "a,b"}, "/watchNamespaces"),
    ("a namespace in upper case", {"watchNamespaces": ["Team"]}, "/watchNamespaces/0"),
    ("an empty namespace", {"watchNamespaces": [""]}, "/watchNamespaces/0"),
    ("no class at all", {"operatorClass": ""}, "/operatorClass"),
    ("a class in upper case", {"operatorClass": "Blue"}, "/operatorClass"),
    ("a resync of nothing", {"resyncSeconds": 0}, "/resyncSeconds"),
    ("a resync as a duration", {"resyncSeconds": "5m"}, "/resyncSeconds"),
    ("half a second", {"resyncSeconds": 10.5}, "/resyncSeconds"),
    ("an unknown log level", {"log": {"level": "verbose"}}, "/log/level"),
    ("an unknown log format", {"log": {"format": "text"}}, "/log/format"),
    ("a typo in log", {"log": {"lvl": "info"}}, "lvl"),
    ("an empty Redis image", {"redis": {"image": ""}}, "/redis/image"),
    ("a storage size for Redis", {"redis": {"storage": "1Gi"}}, "storage"),
    ("resources one level too high", {"resources": {"memory": "1Gi"}}, "memory"),
    ("a quantity with a wrong unit", {"resources": {"limits": {"memory": "512MB"}}}, "/resources/limits/memory"),
    ("an unknown resource", {"redis": {"resources": {"limits": {"mem": "1Gi"}}}}, "mem"),
    ("a quoted boolean", {"serviceAccount": {"create": "false"}}, "/serviceAccount/create"),
    ("an annotation that is no string", {"serviceAccount": {"annotations": {"a": 1}}}, "/serviceAccount/annotations/a"),
    ("a typo in rbac", {"rbac": {"enabled": False}}, "enabled"),
    ("a typo in crds", {"crds": {"instal": True}}, "instal"),
    ("a label that is no string", {"podLabels": {"a": True}}, "/podLabels/a"),
    ("a toleration with a typo", {"tolerations": [{"effects": "NoSchedule"}]}, "effects"),
    ("an unknown effect", {"tolerations": [{"effect": "NoRun"}]}, "/tolerations/0/effect"),
    ("an affinity of no known kind", {"affinity": {"nodes": {}}}, "nodes"),
    ("a typo in a monitor", {"metrics": {"podMonitor": {"intervall": "1m"}}}, "intervall"),
    ("an interval that is a number", {"metrics": {"serviceMonitor": {"interval": 30}}}, "/interval"),
    ("an interval without a unit", {"metrics": {"podMonitor": {"interval": "30"}}}, "/interval"),
    ("a window in words", {"alerts": {"stuck": {"for": "ten minutes"}}}, "/alerts/stuck/for"),
    ("a share in percent", {"alerts": {"errors": {"share": 50}}}, "/alerts/errors/share"),
    ("an unknown alert", {"alerts": {"redis": {"for": "1m"}}}, "redis"),
    ("a typo in dashboards", {"dashboards": {"labels": "x"}}, "labels"),
    ("a label value that is a number", {"dashboards": {"labelValue": 1}}, "/dashboards/labelValue"),
    ("a label with a space", {"dashboards": {"label": "my label"}}, "/dashboards/label"),
]


@pytest.mark.parametrize(("values", "named"), [each[1:] for each in REFUSED], ids=[each[0] for each in REFUSED])
def test_a_wrong_value_is_refused_by_its_name(values: dict[str, Any], named: str) -> None:
    with pytest.raises(HelmError, match="don't meet the specifications of the schema") as refusal:
        render(values)
    assert named in str(refusal.value)


@pytest.mark.parametrize(
    "values",
    [
        {"global": {"anything": 1}},
        {"resources": {"limits": {"cpu": 1, "memory": "1.5Gi"}}},
        {"resources": {"limits": {"memory": None}}},
        {"alerts": {"errors": {"share": 1, "window": "1h30m"}}},
        {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}}},
    ],
)
def test_a_right_value_is_taken(values: dict[str, Any]) -> None:
    assert render(values)


def test_every_value_has_a_comment() -> None:
    assert [value.path for value in chart_values.read(CHART / "values.yaml") if not value.text] == []


def test_the_schema_knows_every_value_and_no_other() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert set(_schema_paths(schema, schema, "")) - {"global"} == set(_value_paths(values, ""))


def test_every_object_of_the_schema_is_closed() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    free = {"global", "affinity.nodeAffinity", "affinity.podAffinity", "affinity.podAntiAffinity"}
    assert set(_open_objects(schema, schema, "")) == free


@pytest.mark.parametrize("generator", [chart_crds, chart_values])
def test_generated_files_are_fresh(generator: Any) -> None:
    outputs = generator.outputs()
    assert outputs
    assert [path.name for path, text in outputs.items() if path.read_text(encoding="utf-8") != text] == []


def test_the_chart_has_no_crd_that_the_repository_has_not() -> None:
    assert set(chart_crds.COPIES.glob("*")) == set(chart_crds.outputs())


FREE_FORM = {"resources", "redis.resources", "affinity"}


def _value_paths(values: dict[str, Any], prefix: str) -> list[str]:
    paths = []
    for key, value in values.items():
        path = f"{prefix}{key}"
        paths.append(path)
        if isinstance(value, dict) and path not in FREE_FORM:
            paths += _value_paths(value, f"{path}.")
    return paths


def _schema_paths(schema: dict[str, Any], node: dict[str, Any], prefix: str) -> list[str]:
    paths = []
    for key, child in _resolved(schema, node).get("properties", {}).items():
        path = f"{prefix}{key}"
        paths.append(path)
        if path not in FREE_FORM:
            paths += _schema_paths(schema, child, f"{path}.")
    return paths


def _open_objects(schema: dict[str, Any], node: dict[str, Any], path: str) -> list[str]:
    node = _resolved(schema, node)
    found = [path] if node.get("type") == "object" and "additionalProperties" not in node else []
    for key, child in node.get("properties", {}).items():
        found += _open_objects(schema, child, f"{path}.{key}".lstrip("."))
    return found


def _resolved(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    reference = node.get("$ref", "")
    return schema["definitions"][reference.rpartition("/")[2]] if reference else node
