"""The bench of fleets: what bounds one, the arithmetic to larger ones, and a real fleet of two."""

import pytest

from benchmarks.fleet.__main__ import asked_for, document, text
from benchmarks.fleet.crew import Spent, crawl, figures
from benchmarks.fleet.reckoning import bound, extrapolated, workers_of_one_redis
from benchmarks.worker import inputs

IDLE = dict.fromkeys(("redis_busy", "site_busy", "least_busy_worker", "machine_busy", "other_work"), 0.0)
COSTS = {
    "pages_per_second": 900.0,
    "workers_cpu_us_per_page": 1000.0,
    "redis_cpu_us_per_page": 10.0,
    "redis_calls_per_page": 0.05,
    "redis_bytes_per_page": 500.0,
    "site_cpu_us_per_page": 20.0,
}
RUN = {**COSTS, **IDLE, "least_busy_worker": 0.95}


@pytest.mark.parametrize(
    ("busy", "said"),
    [
        ({"redis_busy": 0.95, "machine_busy": 1.0}, "Redis"),
        ({"site_busy": 0.95, "machine_busy": 1.0}, "the site"),
        ({"least_busy_worker": 0.95, "machine_busy": 1.0}, "the workers: each of the 2"),
        ({"least_busy_worker": 0.6, "machine_busy": 0.98}, "the machine"),
        ({"least_busy_worker": 0.6, "machine_busy": 0.7}, "waiting"),
    ],
)
def test_what_is_busy_all_of_the_time_is_the_bound(busy, said):
    assert bound({**IDLE, **busy}, 2).startswith(said)


def test_a_run_is_told_by_the_page_and_by_the_second():
    spent = Spent(
        redis_cpu_seconds=0.5,
        redis_calls=50,
        redis_bytes=1e5,
        site_cpu_seconds=0.1,
        machine_busy=0.9,
        other_work=0.2,
    )
    assert figures(1000, 2.0, [1.5, 1.0], spent) == {
        "pages_per_second": 500,
        "workers_cpu_us_per_page": 2500,
        "redis_cpu_us_per_page": 500,
        "redis_calls_per_page": 0.05,
        "redis_bytes_per_page": 100,
        "site_cpu_us_per_page": 100,
        "least_busy_worker": 0.5,
        "redis_busy": 0.25,
        "site_busy": 0.05,
        "machine_busy": 0.9,
        "other_work": 0.2,
    }


def test_the_arithmetic_to_larger_fleets():
    assert extrapolated(COSTS, 100) == pytest.approx(
        {
            "pages_per_second": 100_000,
            "redis_calls_per_second": 5_000,
            "redis_megabytes_per_second": 50,
            "redis_cores": 1.0,
        }
    )
    assert workers_of_one_redis(COSTS) == 100


def test_larger_fleets_are_reckoned_from_the_largest_that_ran():
    found = document({1: [RUN] * 3, 2: [{**RUN, "redis_cpu_us_per_page": cpu} for cpu in (1.0, 20.0, 90.0)]})
    assert found["reckoned_from"] == 2
    assert found["fleets"]["2"]["redis_cpu_us_per_page"] == 20
    assert found["reckoned"]["1000"]["redis_cores"] == pytest.approx(20)
    assert found["bounded_by"]["1"].startswith("the workers")
    said = text(found)
    assert "2 worker(s), bounded by the workers" in said
    assert "with 50 workers" in said
    assert "other work" not in said
    assert "other work had 30% of the machine" in text(document({1: [{**RUN, "other_work": 0.3}]}))


def test_sizes_of_fleets(capsys):
    assert asked_for([]).workers == (1, 2, 4)
    assert asked_for(["--workers", "4,1"]).workers == (1, 4)
    with pytest.raises(SystemExit):
        asked_for(["--workers", "1,8"])
    assert "from 1 to 7 workers" in capsys.readouterr().err


def test_two_workers_fetch_every_page_once():
    with inputs.INPUTS["generated"](80) as given:
        found = crawl(given.site, 2)
    assert found["workers_cpu_us_per_page"] > found["redis_cpu_us_per_page"] > 0
    assert 0 < found["redis_calls_per_page"] < 10
    assert found["redis_bytes_per_page"] > 0
