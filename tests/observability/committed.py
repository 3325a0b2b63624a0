"""The committed dashboards and alert rules, as the tests look at them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.paths import BIN, REPOSITORY
from tests.chart.helm import render

DASHBOARDS = REPOSITORY / "charts" / "crawlfleet" / "dashboards"
RUNBOOKS = REPOSITORY / "docs" / "runbooks"

ALERTS = ("CrawlJobStuck", "CrawlJobErrors", "CrawlJobRedisAway")

Board = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """One query of one panel."""

    board: str
    panel: str
    expr: str
    legend: str


def boards() -> dict[str, Board]:
    """Name → dashboard, as committed."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(DASHBOARDS.glob("*.json"))}


def queries() -> Iterator[Asked]:
    """Every query of every panel."""
    for name, board in boards().items():
        for panel in board["panels"]:
            for target in panel["targets"]:
                yield Asked(name, panel["title"], target["expr"], target.get("legendFormat", ""))


@cache
def rule_groups() -> list[dict[str, Any]]:
    """Return the rule groups as the chart renders them with its default values."""
    if not (BIN / "helm").exists():
        pytest.fail("helm is missing: make chart builds it (python -m cluster tools helm)")
    values = {"alerts": {"enabled": True}}
    (manifest,) = render(values, "--show-only", "templates/prometheusrule.yaml")
    groups: list[dict[str, Any]] = manifest["spec"]["groups"]
    return groups


def alerts() -> dict[str, dict[str, Any]]:
    """Alert → its rule, as the chart renders it."""
    return {rule["alert"]: rule for group in rule_groups() for rule in group["rules"]}


def write_rules(folder: Path) -> Path:
    """Write the rendered rules as a rule file of Prometheus."""
    path = folder / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": rule_groups()}, sort_keys=False))
    return path
