"""What the CRD's tests share: base manifest, case tables, the CRD's rules, a client with typed refusals."""

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from kubernetes.client import ApiException

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
CRD_FILE = REPOSITORY / "crds" / "crawljobs.crawlfleet.io.yaml"
GROUP, VERSION, PLURAL = "crawlfleet.io", "v1alpha1", "crawljobs"


@dataclass(frozen=True)
class Rule:
    """One CEL rule: where it stands in the schema, and what it says."""

    path: str
    rule: str
    message: str


class Refused(Exception):  # noqa: N818  (it is what the tests wait for, not an error of theirs)
    """The API server's refusal: its message, and its causes as (field, message)."""

    def __init__(self, answer: ApiException) -> None:
        status = json.loads(answer.body or "{}")
        self.message: str = status["message"]
        causes = status.get("details", {}).get("causes", [])
        self.causes = [(cause.get("field", ""), cause.get("message", "")) for cause in causes]
        super().__init__(f"{answer.status}: {self.message}\n{self.causes}")

    def says(self, field: str, message: str) -> bool:
        """Whether one of the causes names exactly this field, with this in its message."""
        return any(where == field and message in what for where, what in self.causes)


class Client:
    """CrawlJobs of one namespace, as dicts; a refusal is a `Refused`."""

    def __init__(self, api: Any, namespace: str) -> None:
        self.api = api
        self.namespace = namespace

    def _call(self, verb: str, *args: Any, part: str = "", **options: Any) -> Any:
        method = getattr(self.api, f"{verb}_namespaced_custom_object{part}")
        try:
            return method(GROUP, VERSION, self.namespace, PLURAL, *args, **options)
        except ApiException as answer:
            raise Refused(answer) from answer

    def create(self, manifest: Mapping[str, Any], **options: Any) -> Any:
        return self._call("create", manifest, **options)

    def get(self, name: str) -> Any:
        return self._call("get", name)

    def patch(self, name: str, change: Mapping[str, Any], part: str = "") -> Any:
        """Send a merge patch, to the object or to its part `_status` or `_scale`."""
        return self._call("patch", name, change, part=part)

    def replace(self, name: str, manifest: Mapping[str, Any]) -> Any:
        return self._call("replace", name, manifest)

    def delete(self, name: str) -> None:
        self._call("delete", name)

    def names(self) -> list[str]:
        return [item["metadata"]["name"] for item in self._call("list")["items"]]


def merged(patch: Mapping[str, Any]) -> dict[str, Any]:
    """Return the base manifest with a JSON merge patch (RFC 7396) on it."""
    base: dict[str, Any] = copy.deepcopy(_load("base"))
    result: dict[str, Any] = _merge(base, patch)
    return result


def load_cases(name: str) -> list[dict[str, Any]]:
    """Return the cases of `manifests/<name>.yaml`."""
    cases: list[dict[str, Any]] = _load(name)
    return cases


def rule_with(words: str) -> Rule:
    """Return the one rule of the CRD whose message has these words."""
    (rule,) = [rule for rule in crd_rules() if words in rule.message]
    return rule


@cache
def crd_schema() -> dict[str, Any]:
    """Return the schema of the one version."""
    crd = yaml.safe_load(CRD_FILE.read_text(encoding="utf-8"))
    schema: dict[str, Any] = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def crd_nodes() -> Iterator[tuple[str, dict[str, Any]]]:
    """Walk all nodes of the schema with their paths: `spec.workers.env[].name`; map values are `[*]`."""
    yield from _nodes("", crd_schema())


def crd_rules() -> list[Rule]:
    """Return every CEL rule of the CRD."""
    return [
        Rule(path, rule["rule"], rule["message"])
        for path, node in crd_nodes()
        for rule in node.get("x-kubernetes-validations", [])
    ]


def _nodes(path: str, node: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from _nodes(f"{path}.{name}".lstrip("."), child)
    if "items" in node:
        yield from _nodes(f"{path}[]", node["items"])
    if "additionalProperties" in node:
        yield from _nodes(f"{path}[*]", node["additionalProperties"])


def _merge(target: Any, patch: Any) -> Any:
    if not isinstance(patch, Mapping):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merge(result.get(key), value)
    return result


@cache
def _load(name: str) -> Any:
    return yaml.safe_load((HERE / "manifests" / f"{name}.yaml").read_text(encoding="utf-8"))
