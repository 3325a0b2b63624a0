"""Are the committed dashboards the generated ones, complete, and within the contract?"""

import re
from itertools import combinations
from typing import Any

import pytest

from tests.observability.committed import ALERTS, Asked, alerts, boards, queries
from tests.observability.contract import label_values, metrics
from tests.observability.promql import names_in
from tools.dashboards import outputs

PANELS = [(name, panel) for name, board in boards().items() for panel in board["panels"]]
PANEL_IDS = [f"{name}: {panel['title']}" for name, panel in PANELS]
EXPRESSIONS = [(f"{asked.board}: {asked.panel}", asked.expr) for asked in queries()]
DRAWABLE = {"timeseries", "stat", "bargauge", "table"}
"""What @grafana/ui draws without Grafana's server."""


def within_contract(expr: str) -> list[str]:
    """Return what `expr` names and the contract does not know."""
    names = names_in(expr)
    wrong = [f"no metric {metric}" for metric in sorted(names.metrics - metrics().keys())]
    allowed = {label for metric in names.metrics & metrics().keys() for label in metrics()[metric].labels}
    wrong += [f"no label {label}" for label in sorted(names.grouped - allowed)]
    for metric, label, value in names.matched:
        if metric in metrics() and label not in metrics()[metric].labels:
            wrong.append(f"{metric} has no label {label}")
        bounded = label_values().get(label)
        if bounded and not value.startswith("$") and not set(value.split("|")) <= bounded:
            wrong.append(f"{label} is never {value}")
    return wrong


def test_the_committed_files_are_the_generated_ones() -> None:
    assert len(outputs()) == 2
    for path, text in outputs().items():
        assert path.read_text() == text, f"{path.name} is not what its Python says: make generate"


def test_uids_are_fixed() -> None:
    assert {name: board["uid"] for name, board in boards().items()} == {
        "fleet": "crawlfleet-fleet",
        "job": "crawlfleet-job",
    }


@pytest.mark.parametrize(("where", "expr"), EXPRESSIONS)
def test_queries_stay_within_the_contract(where: str, expr: str) -> None:
    assert within_contract(expr) == [], where


@pytest.mark.parametrize(
    "expr",
    [
        "crawlfleet_crawljob_pages",
        'sum(crawlfleet_crawljob_queued_requests{host="a"})',
        "sum by (pod) (crawlfleet_crawljob_queued_requests)",
        'crawlfleet_crawljob_phase{phase="Done"}',
    ],
)
def test_a_name_outside_the_contract_is_seen(expr: str) -> None:
    assert within_contract(expr)


@pytest.mark.parametrize("alert", ALERTS)
def test_alerts_stay_within_the_contract(alert: str) -> None:
    rule = alerts()[alert]
    assert within_contract(rule["expr"]) == []
    for series in re.findall(r"crawlfleet_\w+", rule["annotations"]["description"]):
        assert series in metrics()


@pytest.mark.parametrize("asked", list(queries()), ids=lambda asked: f"{asked.board}: {asked.panel}")
def test_absence_is_never_drawn_as_zero(asked: Asked) -> None:
    assert "vector(" not in asked.expr
    assert "absent(" not in asked.expr


@pytest.mark.parametrize(("_name", "panel"), PANELS, ids=PANEL_IDS)
def test_every_panel_explains_itself(_name: str, panel: dict[str, Any]) -> None:
    assert panel["description"].endswith((".", "none"))
    assert panel["type"] in DRAWABLE
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    if panel["type"] == "timeseries":
        assert panel["fieldConfig"]["defaults"]["min"] == 0
    for target in panel["targets"]:
        assert target["datasource"]["uid"] == "${datasource}"
        assert len(re.sub(r"\{\{\w+\}\}", "", target.get("legendFormat", ""))) <= 20


@pytest.mark.parametrize(("_name", "panel"), PANELS, ids=PANEL_IDS)
def test_numbers_have_a_unit(_name: str, panel: dict[str, Any]) -> None:
    names_only = panel["options"].get("textMode") == "name" or panel["fieldConfig"]["defaults"].get("max") == 1
    if panel["type"] != "table" and not names_only:
        assert panel["fieldConfig"]["defaults"]["unit"]


@pytest.mark.parametrize("name", sorted(boards()))
def test_panels_fill_the_grid_without_overlap(name: str) -> None:
    places = [panel["gridPos"] for panel in boards()[name]["panels"]]
    cells = [
        {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        for place in places
    ]
    assert all(not one & other for one, other in combinations(cells, 2))
    assert len(set().union(*cells)) == 24 * max(place["y"] + place["h"] for place in places)


def test_every_metric_of_a_job_is_shown_somewhere() -> None:
    shown = {metric for _, expr in EXPRESSIONS for metric in names_in(expr).metrics}
    assert {name for name in metrics() if name.startswith("crawlfleet_crawljob_")} <= shown
