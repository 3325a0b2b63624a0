"""The dashboards' JSON, as the chart ships it: which file has which text."""

from collections.abc import Callable
from json import dumps, loads
from pathlib import Path
from typing import Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards import fleet, job

FOLDER: Final = Path(__file__).resolve().parent.parent / "charts" / "crawlfleet" / "dashboards"

DASHBOARDS: Final[dict[str, Callable[[], Dashboard]]] = {"fleet": fleet.build, "job": job.build}


def outputs() -> dict[Path, str]:
    """Return path → text of every generated dashboard; the same text on every run."""
    return {FOLDER / f"{name}.json": _text(build()) for name, build in DASHBOARDS.items()}


def _text(board: Dashboard) -> str:
    plain = loads(JSONEncoder().encode(board))
    return dumps(plain, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
