"""A real Prometheus with the scripted fleet in it, once for all tests of this room."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.observability.prometheus_server import serving
from tests.observability.scripted import LENGTH, story


@dataclass(frozen=True)
class Told:
    """Where Prometheus is, and when its story began and ended (seconds since the epoch)."""

    url: str
    begin: float
    end: float


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """Serve the scripted fleet's half hour, which ended ten minutes ago."""
    begin = time.time() // 60 * 60 - LENGTH - 600
    with serving(story(), begin, tmp_path_factory.mktemp("prometheus")) as url:
        yield Told(url, begin, begin + LENGTH)
