"""Does a page cost the worker no more calls than it did? A count, not a time: the same on every machine."""

import json

import pytest

from benchmarks.worker import guard

KNOWN = json.loads(guard.KNOWN.read_text())


@pytest.mark.skipif(KNOWN["python"] != guard.PYTHON, reason="the numbers are of another version of Python")
def test_a_page_costs_no_more_calls_than_it_did():
    share, lines = guard.verdict(guard.counted(), KNOWN["calls_per_page"])
    assert share <= guard.MOST, "\n".join([*lines, "mend it, or `python -m benchmarks.worker.guard --write`"])


def test_calls_are_told_by_package_and_what_runs_once_is_left_out():
    found = guard.per_page(
        {
            "scrapy.core.engine:ExecutionEngine.crawl": 15_000,
            "scrapy.http:f": 1_500,
            "crawlfleet_worker.fast.urls:g": 3_000,
            "crawlfleet_frontier.lua:_mentions": 70_000,
        }
    )
    assert found == {"scrapy": 11.0, "crawlfleet_worker.fast": 2.0}


def test_a_regression_names_the_package():
    share, lines = guard.verdict({"scrapy": 11.0, "new": 5.0}, {"scrapy": 11.4, "gone": 3.6})
    assert share == pytest.approx(16 / 15)
    assert [line.split()[0] for line in lines] == ["gone", "new"]
