"""Does a committed dashboard become a picture, drawn by Grafana's own components?"""

import struct
from pathlib import Path

import pytest

from dashboards.picture import WIDTH, draw
from tests.observability.conftest import Told

GIVEN = {"namespace": "shop", "crawljob": "books"}


def size(picture: Path) -> tuple[int, int]:
    """Width and height of a PNG file, from its header."""
    width, height = struct.unpack(">II", picture.read_bytes()[16:24])
    return width, height


@pytest.mark.e2e
def test_both_dashboards_are_drawn(told: Told, tmp_path: Path) -> None:
    pictures = draw(told.url, told.begin, told.end, GIVEN, tmp_path)
    assert [picture.name for picture in pictures] == ["dashboard-fleet.png", "dashboard-job.png"]
    for picture in pictures:
        width, height = size(picture)
        assert width == WIDTH
        assert height > 1000
        assert picture.stat().st_size > 80_000, "an empty page is far smaller"


def test_an_empty_time_range_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"end \(1\) must be after start \(2\)"):
        draw("http://127.0.0.1:1", 2, 1, GIVEN, tmp_path)


def test_an_address_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is no http"):
        draw("file:///etc/passwd", 1, 2, GIVEN, tmp_path)
