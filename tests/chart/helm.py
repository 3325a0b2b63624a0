"""How do the tests of the chart call Helm, and read what it renders?"""

import copy
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
CHART = REPOSITORY / "charts" / "crawlfleet"
HELM = REPOSITORY / ".cluster" / "bin" / "helm"
KUBERNETES = "1.36.3"
MONITORING = "monitoring.coreos.com/v1"

Manifest = dict[str, Any]
Values = dict[str, Any]

MINIMAL: Values = {"image": {"repository": "registry.example/crawlfleet/operator", "tag": "1"}}
"""What has to be given."""

EVERYTHING: Values = {
    "metrics": {"podMonitor": {"enabled": True}, "serviceMonitor": {"enabled": True}},
    "alerts": {"enabled": True},
}
"""What is off by default, on."""


class HelmError(Exception):
    """Helm's own words."""


def helm(
    *arguments: str | Path, values: Values | None = None, env: dict[str, str] | None = None, timeout: int = 120
) -> str:
    """Run Helm, with values by its standard input, and return what it prints; HelmError where it fails."""
    words = [str(HELM), *map(str, arguments), *(("--values", "-") if values is not None else ())]
    done = subprocess.run(
        words,
        input=json.dumps(values or {}),
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, **(env or {})},
        check=False,
    )
    if done.returncode:
        raise HelmError(done.stderr)
    return done.stdout


def render(
    values: Values | None = None, *extra: str, chart: Path = CHART, apis: tuple[str, ...] = (MONITORING,)
) -> list[Manifest]:
    """Render the chart with MINIMAL and these values; `apis` are groups that the cluster is said to have."""
    text = helm(*_template(chart, apis), *extra, values=merge(MINIMAL, values or {}))
    return [manifest for manifest in yaml.safe_load_all(text) if manifest]


def render_text(values: Values | None = None) -> str:
    """Like `render`, but the text."""
    return helm(*_template(CHART, (MONITORING,)), values=merge(MINIMAL, values or {}))


def _template(chart: Path, apis: tuple[str, ...]) -> list[str | Path]:
    words: list[str | Path] = ["template", "crawlfleet", chart, "--namespace", "crawlfleet-system"]
    return [*words, "--kube-version", KUBERNETES, *(word for api in apis for word in ("--api-versions", api))]


def merge(base: Values, over: Values) -> Values:
    """Return `base` with `over` laid upon it, maps key by key."""
    result = copy.deepcopy(base)
    for key, value in over.items():
        old = result.get(key)
        result[key] = merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result


def only(manifests: list[Manifest], kind: str) -> Manifest:
    """Return the one object of this kind."""
    (found,) = of_kind(manifests, kind)
    return found


def of_kind(manifests: list[Manifest], kind: str) -> list[Manifest]:
    """Return the objects of this kind."""
    return [manifest for manifest in manifests if manifest["kind"] == kind]


def environment(deployment: Manifest) -> dict[str, Any]:
    """Return the operator container's variables."""
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in container["env"]}
