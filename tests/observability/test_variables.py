"""What do a dashboard's variables stand for?"""

import pytest

from dashboards.variables import Window, resolve, values
from tests.observability.committed import boards


def test_the_rate_interval_covers_four_scrapes() -> None:
    assert Window(0, 3600, 15).intervals() == {
        "__interval": "15s",
        "__rate_interval": "60s",
        "__range": "3600s",
    }


def test_a_long_range_takes_longer_steps() -> None:
    assert Window(0, 600 * 60, 15).step == 60
    assert Window(0, 600 * 60, 15).intervals()["__rate_interval"] == "75s"


def test_a_short_crawl_is_asked_second_by_second() -> None:
    assert Window(0, 90, 1).intervals() == {"__interval": "1s", "__rate_interval": "4s", "__range": "90s"}


def test_the_fleet_shows_all_namespaces_and_the_job_the_given_one() -> None:
    given = {"namespace": "shop", "crawljob": "books"}
    assert values(boards()["fleet"], given) == {"namespace": ".*"}
    assert values(boards()["job"], given) == given


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(ValueError, match=r"Crawlfleet / Job: the variable crawljob has no value"):
        values(boards()["job"], {"namespace": "shop"})


def test_both_ways_to_write_a_variable() -> None:
    assert resolve("$a ${b} $a_b", {"a": "1", "b": "2", "a_b": "3"}) == "1 2 3"
    with pytest.raises(ValueError, match=r"no value for \$c"):
        resolve("$c", {})
