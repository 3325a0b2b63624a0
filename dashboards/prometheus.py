"""What Prometheus says: its HTTP API, as far as a dashboard asks it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import urlopen

TIMEOUT_SECONDS = 30


class PrometheusError(RuntimeError):
    """Prometheus cannot be reached or refuses a query; the message quotes both."""


@dataclass(frozen=True, slots=True)
class Series:
    """One series of an answer: its labels, and samples as (seconds since the epoch, value)."""

    labels: Mapping[str, str]
    samples: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A Prometheus server at `url`, e.g. `http://127.0.0.1:9090`."""

    url: str

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise ValueError(f"prometheus: {self.url!r} is no http:// or https:// URL")

    def at(self, expr: str, time: float) -> list[Series]:
        """Return the value of `expr` at one moment."""
        result = self._series("query", {"query": expr, "time": time})
        return [Series(one["metric"], (_sample(one["value"]),)) for one in result]

    def over(self, expr: str, start: float, end: float, step: float) -> list[Series]:
        """Return the values of `expr` every `step` seconds from `start` to `end`."""
        query = {"query": expr, "start": start, "end": end, "step": step}
        result = self._series("query_range", query)
        return [Series(one["metric"], tuple(_sample(pair) for pair in one["values"])) for one in result]

    def canonical(self, expr: str) -> str:
        """Return `expr` as Prometheus' own parser writes it; raises PrometheusError where it does not parse."""
        return str(self._ask("format_query", {"query": expr}))

    def _series(self, endpoint: str, query: Mapping[str, Any]) -> list[dict[str, Any]]:
        data = self._ask(endpoint, query)
        if not isinstance(data, dict) or data["resultType"] not in ("vector", "matrix"):
            raise PrometheusError(f"{query['query']}: the answer is no vector: write the query so that it has labels")
        result: list[dict[str, Any]] = data["result"]
        return result

    def _ask(self, endpoint: str, query: Mapping[str, Any]) -> object:
        address = f"{self.url.rstrip('/')}/api/v1/{endpoint}?{urlencode(query)}"
        try:
            with urlopen(address, timeout=TIMEOUT_SECONDS) as reply:  # noqa: S310  the scheme is checked above
                data: object = json.load(reply)["data"]
                return data
        except HTTPError as error:
            raise PrometheusError(f"{query['query']}: {_complaint(error)}") from error
        except (URLError, TimeoutError) as error:
            raise PrometheusError(f"{self.url} does not answer: {error}") from error


def _sample(pair: tuple[float, str]) -> tuple[float, float]:
    return float(pair[0]), float(pair[1])


def _complaint(error: HTTPError) -> str:
    try:
        return str(json.load(error)["error"])
    except (ValueError, KeyError):
        return str(error)
