"""What `$namespace`, `$__rate_interval` and the like stand for: Grafana's rules, as far as our dashboards use them."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_NAME = re.compile(r"\$(?:\{(\w+)\}|(\w+))")

POINTS = 600
"""How many points a curve of a picture has at most: about one for every pixel of its width."""


@dataclass(frozen=True, slots=True)
class Window:
    """The time range of a picture, seconds since the epoch, and how often Prometheus scraped in it."""

    start: float
    end: float
    scrape_seconds: float = 15

    @property
    def step(self) -> float:
        """Grafana's `$__interval`: never shorter than the time between two scrapes."""
        return max(self.scrape_seconds, math.ceil((self.end - self.start) / POINTS))

    def intervals(self) -> dict[str, str]:
        """Return Grafana's built-in variables."""
        rate = max(self.step + self.scrape_seconds, 4 * self.scrape_seconds)
        return {
            "__interval": _duration(self.step),
            "__rate_interval": _duration(rate),
            "__range": _duration(self.end - self.start),
        }


def values(board: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, str]:
    """Return the value of each query variable of a dashboard: "All" where that is its default, else the given one.

    Raises ValueError for one that has neither.
    """
    chosen = {}
    for variable in board["templating"]["list"]:
        if variable["type"] != "query":
            continue
        name = variable["name"]
        if variable.get("includeAll") and variable["current"]["value"] == "$__all":
            chosen[name] = variable["allValue"]
        elif name in given:
            chosen[name] = given[name]
        else:
            raise ValueError(f"{board['title']}: the variable {name} has no value: pass {name}=VALUE")
    return chosen


def resolve(text: str, known: Mapping[str, str]) -> str:
    """Put the values of `known` in place of `$name` and `${name}`; raises ValueError for an unknown name."""

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name not in known:
            raise ValueError(f"{text}: no value for ${name}")
        return known[name]

    return _NAME.sub(value, text)


def _duration(seconds: float) -> str:
    return f"{max(1, math.ceil(seconds))}s"
