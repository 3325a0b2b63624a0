"""Does a real Prometheus understand every query, and answer it with the numbers of a crawl that is known?"""

from math import isnan
from typing import Any

import pytest

from dashboards.answers import Frame, answers
from dashboards.prometheus import Prometheus, PrometheusError
from dashboards.variables import Window, resolve, values
from tests.observability.committed import ALERTS, Asked, alerts, boards, queries
from tests.observability.conftest import Told

GIVEN = {"namespace": "shop", "crawljob": "books"}


def window(told: Told) -> Window:
    return Window(told.begin, told.end)


def answered(told: Told, name: str) -> dict[str, list[Frame]]:
    """Panel title → frames."""
    board = boards()[name]
    frames = answers(board, Prometheus(told.url), window(told), values(board, GIVEN))
    return {panel["title"]: frames[panel["id"]] for panel in board["panels"]}


def last(frames: list[Frame]) -> dict[str, Any]:
    """Legend → last value."""
    named = {frame["fields"][-1]["config"].get("displayNameFromDS"): frame["fields"][-1] for frame in frames}
    return {name: column["values"][-1] for name, column in named.items()}


@pytest.mark.parametrize("asked", list(queries()), ids=lambda asked: f"{asked.board}: {asked.panel}")
def test_every_query_parses_and_returns_data(told: Told, asked: Asked) -> None:
    prometheus = Prometheus(told.url)
    known = values(boards()[asked.board], GIVEN) | window(told).intervals()
    expr = resolve(asked.expr, known)
    assert prometheus.canonical(expr)
    series = prometheus.over(expr, told.begin, told.end, 60)
    assert any(not isnan(value) for one in series for _, value in one.samples)


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_parses(told: Told, alert: str) -> None:
    assert Prometheus(told.url).canonical(alerts()[alert]["expr"])


def test_a_query_that_does_not_parse_is_quoted(told: Told) -> None:
    with pytest.raises(PrometheusError, match=r"sum\(: .*parse error"):
        Prometheus(told.url).canonical("sum(")


def test_the_fleet_is_counted_by_phase(told: Told) -> None:
    fleet = answered(told, "fleet")
    numbers = {title: last(fleet[title])["Value"] for title in ("Running", "Blocked", "Failed", "Complete")}
    assert numbers == {"Running": 1, "Blocked": 0, "Failed": 1, "Complete": 1}


def test_the_table_has_a_row_for_each_job(told: Told) -> None:
    phases = answered(told, "fleet")["Jobs"][0]["fields"]
    rows = {field["name"]: field["values"] for field in phases}
    assert dict(zip(rows["crawljob"], rows["phase"], strict=True)) == {
        "archive": "Suspended",
        "books": "Complete",
        "broken": "Failed",
        "prices": "Running",
    }


def test_the_job_tells_its_own_story(told: Told) -> None:
    job = answered(told, "job")
    assert last(job["Phase"]) == {"Complete": 1}
    assert last(job["Still waiting"]) == {"Value": 0}
    assert last(job["Most workers at once"]) == {"Value": 6}
    assert {frame["fields"][1]["config"]["displayNameFromDS"] for frame in job["What it was doing"]} >= {
        "Crawling",
        "RedisUnreachable",
        "Finished",
    }
    classes = last(job["Pages by status class"])
    assert last(job["Pages"])["Value"] == sum(classes.values())


@pytest.mark.parametrize("board", ["fleet", "job"])
def test_only_kinds_of_errors_that_occurred_are_shown(told: Told, board: str) -> None:
    shown = last(answered(told, board)["Errors per second by kind"])
    assert set(shown) == {"http_4xx", "http_5xx", "timeout", "spider"}


def test_every_frame_has_as_many_times_as_values(told: Told) -> None:
    for name in boards():
        for frames in answered(told, name).values():
            for frame in frames:
                assert len({len(field["values"]) for field in frame["fields"]}) == 1
