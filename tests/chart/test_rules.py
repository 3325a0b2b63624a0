"""How do the rule files get into the PrometheusRule?"""

import shutil
from pathlib import Path

import pytest
import yaml

from tests.chart.helm import CHART, HelmError, of_kind, only, render

GROUP = """
name: planted
rules:
  - alert: Planted
    expr: |
      crawlfleet_crawljob_queued_requests > 0
    for: {{ .Values.alerts.stuck.for }}
    annotations:
      summary: '{{ "{{ $labels.crawljob }}" }} is stuck'
"""


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    """A copy of the chart without its rules."""
    copy = tmp_path / "crawlfleet"
    shutil.copytree(CHART, copy, ignore=shutil.ignore_patterns("rules"))
    (copy / "rules").mkdir()
    return copy


def test_a_rule_file_is_a_group_with_the_values_in_it(chart: Path) -> None:
    (chart / "rules" / "planted.yaml").write_text(GROUP)
    rule = only(render({"alerts": {"enabled": True, "stuck": {"for": "7m"}}}, chart=chart), "PrometheusRule")
    (group,) = rule["spec"]["groups"]
    assert group["name"] == "planted"
    assert group["rules"][0]["for"] == "7m"
    assert group["rules"][0]["annotations"]["summary"] == "{{ $labels.crawljob }} is stuck"


def test_a_rule_file_may_hold_several_groups(chart: Path) -> None:
    body = {"groups": [{"name": "one", "rules": []}, {"name": "two", "rules": []}]}
    (chart / "rules" / "planted.yaml").write_text(yaml.safe_dump(body))
    rule = only(render({"alerts": {"enabled": True}}, chart=chart), "PrometheusRule")
    assert [group["name"] for group in rule["spec"]["groups"]] == ["one", "two"]


def test_a_broken_rule_file_is_named(chart: Path) -> None:
    (chart / "rules" / "planted.yaml").write_text("name: [")
    with pytest.raises(HelmError, match=r"rules/planted\.yaml: "):
        render({"alerts": {"enabled": True}}, chart=chart)


def test_the_labels_by_which_prometheus_selects_rules() -> None:
    rule = only(render({"alerts": {"enabled": True, "labels": {"role": "alert"}}}), "PrometheusRule")
    assert rule["metadata"]["labels"]["role"] == "alert"


def test_the_chart_has_the_three_first_alerts() -> None:
    values = {"enabled": True, "stuck": {"for": "11m"}, "errors": {"share": 0.25, "window": "12m", "for": "13m"}}
    (manifest,) = of_kind(render({"alerts": values | {"redisAway": {"for": "14m"}}}), "PrometheusRule")
    rules = [rule for group in manifest["spec"]["groups"] for rule in group["rules"] if "alert" in rule]
    assert {rule["for"] for rule in rules} == {"11m", "13m", "14m"}
    (errors,) = [rule["expr"] for rule in rules if rule["for"] == "13m"]
    assert "0.25" in errors
    assert "12m" in errors
    for rule in rules:
        assert rule["annotations"]["runbook_url"]
