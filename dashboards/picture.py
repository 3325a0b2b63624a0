"""A committed dashboard as a picture: its queries answered by a real Prometheus, drawn by Grafana's own components."""

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from dashboards.answers import answers
from dashboards.browser import photograph
from dashboards.page import built_page
from dashboards.prometheus import Prometheus
from dashboards.variables import Window, values

COMMITTED: Final = Path(__file__).resolve().parent.parent / "charts" / "crawlfleet" / "dashboards"
NAMES: Final = ("fleet", "job")
WIDTH: Final = 1600
CELL, HEADER, MARGIN = 38, 64, 16
"""Pixels of a grid unit with its gap, of the head of the page, and around it: those of `draw/src/board.jsx`."""

Theme = Literal["dark", "light"]


def draw(
    prometheus_url: str,
    start: float,
    end: float,
    variables: Mapping[str, str],
    out_dir: Path,
    *,
    scrape_seconds: float = 15,
    theme: Theme = "dark",
    names: Sequence[str] = NAMES,
) -> list[Path]:
    """Draw the dashboards `names` over the seconds `start` to `end` into `out_dir`/dashboard-NAME.png.

    `variables` are the dashboards' own (`{"namespace": "demo", "crawljob": "books"}`); Fleet shows all namespaces.
    `scrape_seconds` is the time between two scrapes of that Prometheus, as Grafana's data source has it in its
    settings. Raises ValueError for a missing variable or an empty time range, PrometheusError, PageError (Node.js)
    and BrowserError (Chromium).
    """
    if end <= start:
        raise ValueError(f"end ({end}) must be after start ({start})")
    window = Window(start, end, scrape_seconds)
    source = Prometheus(prometheus_url)
    out_dir.mkdir(parents=True, exist_ok=True)
    return [_draw_one(name, source, window, variables, theme, out_dir) for name in names]


def _draw_one(
    name: str, source: Prometheus, window: Window, variables: Mapping[str, str], theme: Theme, out_dir: Path
) -> Path:
    board = json.loads((COMMITTED / f"{name}.json").read_text(encoding="utf-8"))
    known = values(board, variables)
    page = {
        "theme": theme,
        "dashboard": board,
        "shown": _shown(board, known),
        "from": round(window.start * 1000),
        "to": round(window.end * 1000),
        "rangeText": _range_text(window),
        "frames": answers(board, source, window, known),
    }
    picture = out_dir / f"dashboard-{name}.png"
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder) / "page"
        shutil.copytree(built_page(), site)
        (site / "frames.json").write_text(json.dumps(page), encoding="utf-8")
        photograph(site, picture.resolve(), WIDTH, _height(board))
    return picture


def _height(board: Mapping[str, Any]) -> int:
    cells = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in board["panels"])
    return HEADER + int(cells) * CELL + MARGIN


def _shown(board: Mapping[str, Any], known: Mapping[str, str]) -> list[dict[str, str]]:
    return [
        {"label": variable["label"], "text": known[variable["name"]].replace(".*", "All")}
        for variable in board["templating"]["list"]
        if variable["name"] in known
    ]


def _range_text(window: Window) -> str:
    start, end = (datetime.fromtimestamp(moment, UTC) for moment in (window.start, window.end))
    return f"{start:%Y-%m-%d %H:%M:%S} to {end:%H:%M:%S} UTC"
