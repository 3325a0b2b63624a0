"""What Prometheus answers to each panel of a dashboard, as Grafana's data frames."""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from dashboards.prometheus import Prometheus, Series
from dashboards.variables import Window, resolve

Frame = dict[str, Any]
"""Grafana's DataFrame as JSON: `refId`, and `fields` with a name, a type and values of equal number."""

_LABEL = re.compile(r"\{\{\s*(\w+)\s*\}\}")


def answers(
    board: Mapping[str, Any], prometheus: Prometheus, window: Window, known: Mapping[str, str]
) -> dict[int, list[Frame]]:
    """Ask every query of every panel; returns panel id → frames.

    Raises PrometheusError for a query that Prometheus refuses.
    """
    names = {**known, **window.intervals()}
    return {
        panel["id"]: [frame for target in panel["targets"] for frame in _ask(target, prometheus, window, names)]
        for panel in board["panels"]
    }


def _ask(target: Mapping[str, Any], prometheus: Prometheus, window: Window, names: Mapping[str, str]) -> list[Frame]:
    expr = resolve(target["expr"], names)
    legend = target.get("legendFormat", "")
    if target.get("format") == "table":
        return _table(target["refId"], prometheus.at(expr, window.end), window.end)
    if target.get("instant"):
        series = prometheus.at(expr, window.end)
        return [_curve(target["refId"], one, [window.end], legend) for one in _in_order(series)]
    start = math.floor(window.start / window.step) * window.step
    times = [start + window.step * place for place in range(int((window.end - start) / window.step) + 1)]
    series = prometheus.over(expr, times[0], times[-1], window.step)
    return [_curve(target["refId"], one, times, legend) for one in _in_order(series)]


def _in_order(series: Iterable[Series]) -> list[Series]:
    return sorted(series, key=lambda one: sorted(one.labels.items()))


def _curve(reference: str, series: Series, times: list[float], legend: str) -> Frame:
    there = {round(time, 3): value for time, value in series.samples}
    values = [_number(there.get(round(time, 3))) for time in times]
    name = _LABEL.sub(lambda match: series.labels.get(match[1], ""), legend) or "Value"
    value = {
        "name": "Value",
        "type": "number",
        "labels": dict(series.labels),
        "config": {"displayNameFromDS": name},
        "values": values,
    }
    return {"refId": reference, "fields": [_times(times), value]}


def _table(reference: str, series: list[Series], time: float) -> list[Frame]:
    if not series:
        return []
    ordered = _in_order(series)
    labels = sorted({label for one in ordered for label in one.labels})
    texts = [
        {
            "name": label,
            "type": "string",
            "config": {},
            "values": [one.labels.get(label, "") for one in ordered],
        }
        for label in labels
    ]
    number = {
        "name": f"Value #{reference}",
        "type": "number",
        "config": {},
        "values": [_number(one.samples[0][1]) for one in ordered],
    }
    return [{"refId": reference, "fields": [_times([time] * len(ordered)), *texts, number]}]


def _times(times: list[float]) -> dict[str, Any]:
    return {"name": "Time", "type": "time", "config": {}, "values": [round(time * 1000) for time in times]}


def _number(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) or math.isinf(value) else value
