"""Good manifests are stored, defaults on them: those of examples/crawljobs, and those at the edge of a rule."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.control_plane import ControlPlane
from tests.api.crawljobs import REPOSITORY, Client, crd_nodes, load_cases, merged

EXAMPLES = sorted((REPOSITORY / "examples" / "crawljobs").glob("*.yaml"))
APPLIED = [*EXAMPLES, *sorted((REPOSITORY / "examples" / "demo").glob("*.yaml"))]

DEFAULTED = {
    "operatorClass": "default",
    "seeds": {"type": "Spider"},
    "workers": {"replicas": 1, "terminationGracePeriodSeconds": 60},
    "scaling": {
        "type": "Queue",
        "queue": {
            "minReplicas": 0,
            "maxReplicas": 10,
            "targetDrainSeconds": 600,
            "scaleDownStabilizationSeconds": 60,
        },
    },
    "completion": {"idleSeconds": 10},
    "progressDeadlineSeconds": 900,
    "redis": {"type": "Managed", "managed": {"storage": {"size": "1Gi"}}},
    "suspend": False,
}


@pytest.mark.parametrize("case", load_cases("accepted"), ids=lambda case: case["case"])
def test_a_manifest_at_the_edge_is_stored(crawljobs: Client, case: dict[str, Any]) -> None:
    manifest = merged(case["patch"])
    crawljobs.create(manifest, field_validation="Strict")
    assert crawljobs.names() == [manifest["metadata"]["name"]]


def test_every_default_shows(crawljobs: Client) -> None:
    sent = merged({})
    assert crawljobs.create(sent)["spec"] == {**sent["spec"], **DEFAULTED}


def test_the_engine_is_the_frontier(crawljobs: Client) -> None:
    assert crawljobs.create(merged({"spec": {"engine": None}}))["spec"]["engine"] == "Frontier"


def test_what_goes_with_the_frontier_gets_its_rest(crawljobs: Client) -> None:
    bloom = {"type": "Bloom", "bloom": {"capacity": 10000}}
    spec = {"engine": "Frontier", "politeness": {"overrides": [{"host": "a.example"}]}, "retries": {}, "dedupe": bloom}
    stored = crawljobs.create(merged({"spec": spec}))["spec"]
    assert stored["politeness"]["default"] == {"delayMilliseconds": 1000, "maxConcurrentRequests": 1, "robots": "Obey"}
    assert stored["politeness"]["overrides"] == [{"host": "a.example", "action": "Crawl"}]
    assert stored["retries"] == {"maxWorkerLosses": 3}
    assert stored["dedupe"]["bloom"] == {"capacity": 10000, "errorsPerMillion": 1000}


def test_a_partly_given_object_gets_the_rest(crawljobs: Client) -> None:
    spec = {"workers": {"replicas": 3}, "scaling": {"type": "Queue", "queue": {"maxReplicas": 3}}}
    stored = crawljobs.create(merged({"spec": spec}))["spec"]
    assert stored["workers"] == {"replicas": 3, "terminationGracePeriodSeconds": 60}
    assert stored["scaling"]["queue"] == {**DEFAULTED["scaling"]["queue"], "maxReplicas": 3}  # type: ignore[index]


def test_the_default_of_scaling_is_that_of_its_fields() -> None:
    nodes = dict(crd_nodes())
    fields = nodes["spec.scaling.queue"]["properties"]
    assert nodes["spec.scaling"]["default"]["queue"] == {name: node["default"] for name, node in fields.items()}


def test_as_many_seeds_as_the_bounds_allow_are_stored(crawljobs: Client) -> None:
    urls = [f"https://books.example/{number:0978}" for number in range(1000)]
    assert sum(map(len, urls)) == 1_000_000
    crawljobs.create(merged({"spec": {"seeds": {"type": "Inline", "inline": {"urls": urls}}}}))
    assert crawljobs.get("books")["spec"]["seeds"]["inline"]["urls"] == urls


def test_a_status_keeps_nothing_unknown(crawljobs: Client) -> None:
    crawljobs.create(merged({}))
    status = {"phase": "Running", "frontier": {"queued": 3, "leased": 1}, "secret": "a"}
    assert crawljobs.patch("books", {"status": status}, part="_status")["status"] == {
        "phase": "Running",
        "frontier": {"queued": 3},
    }


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_accepted(plane: ControlPlane, namespace: str, example: Path) -> None:
    plane.kubectl("apply", "-n", namespace, "--validate=strict", "-f", str(example))
    listed = json.loads(plane.kubectl("get", "crawl", "-n", namespace, "-o", "json").stdout)
    (job,) = listed["items"]
    assert DEFAULTED.keys() <= job["spec"].keys()


def test_a_dry_run_accepts_all_examples_and_stores_nothing(plane: ControlPlane, namespace: str) -> None:
    files = [argument for example in APPLIED for argument in ("-f", str(example))]
    said = plane.kubectl("apply", "-n", namespace, "--dry-run=server", "--validate=strict", *files).stdout.splitlines()
    objects = [each for example in APPLIED for each in yaml.safe_load_all(example.read_text(encoding="utf-8"))]
    kinds = Counter(each["kind"].lower() for each in objects)
    assert Counter(re.split(r"[./]", line)[0] for line in said) == kinds
    assert all(line.endswith(" created (server dry run)") for line in said)
    assert kinds["crawljob"] == len(APPLIED)
    assert plane.kubectl("get", "crawl", "-n", namespace, "-o", "name").stdout == ""


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 5
