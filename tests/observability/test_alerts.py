"""Does each alert fire, keep silent and clear as it should? Prometheus' own tool says, on the rendered rules."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.observability.committed import ALERTS, RUNBOOKS, alerts, write_rules

CASES = Path(__file__).resolve().parent / "alerts"


def promtool(folder: Path, *arguments: str) -> str:
    """Run promtool in `folder`; returns what it says, fails with that where it is not content."""
    if not shutil.which("promtool"):
        pytest.fail("promtool is missing: apt-get install prometheus")
    done = subprocess.run(["promtool", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_prometheus_accepts_the_rules(tmp_path: Path) -> None:
    write_rules(tmp_path)
    assert "3 rules found" in promtool(tmp_path, "check", "rules", "rules.yaml")


def test_the_rules_are_the_three_alerts() -> None:
    assert sorted(alerts()) == sorted(ALERTS)


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.glob("*.yaml")))
def test_fires_and_clears(case: str, tmp_path: Path) -> None:
    write_rules(tmp_path)
    shutil.copy(CASES / case, tmp_path / case)
    promtool(tmp_path, "test", "rules", case)


def test_each_alert_has_cases_that_fire_and_cases_that_do_not() -> None:
    fires: dict[str, set[bool]] = {alert: set() for alert in ALERTS}
    for path in CASES.glob("*.yaml"):
        for case in yaml.safe_load(path.read_text())["tests"]:
            for check in case["alert_rule_test"]:
                fires[check["alertname"]].add(bool(check["exp_alerts"]))
    assert fires == {alert: {True, False} for alert in ALERTS}


@pytest.mark.parametrize("alert", ALERTS)
def test_each_alert_has_a_runbook_that_says_what_to_do(alert: str) -> None:
    runbook = (RUNBOOKS / f"{alert}.md").read_text()
    assert runbook.startswith(f"# {alert}\n")
    for heading in ("## What it means", "## What to look at", "## What to do", "## When it is a false alarm"):
        assert heading in runbook
    assert alerts()[alert]["annotations"]["runbook_url"] == f"docs/runbooks/{alert}.md"
