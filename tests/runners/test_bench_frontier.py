"""The frontier's bench: which figures are taken how often, and does each come from both sides?"""

from functools import partial

import pytest

from benchmarks.frontier import figures
from benchmarks.frontier.measuring import Figure, all_figures, far_to_near, measured

PROMISED = {
    "enqueue_server_us_per_url",
    "lease_ack_server_us_per_url",
    "redis_calls_per_page",
    *(f"pages_per_second_at_{ms}ms" for ms in ("0", "0.25", "1", "5")),
    *(f"seen_bytes_per_url{count}" for count in ("_1e5", "", "_1e7")),
    *(f"queued_bytes_per_request{hosts}" for hosts in ("", "_one_host", "_1000000_hosts")),
}
SMALL = {
    "calls": partial(figures.redis_calls_per_page, 300),
    "speed": partial(figures.throughput, 1.0, 300),
    "seen": partial(figures.seen_bytes_per_url, 2_000),
    "queued": partial(figures.queued_bytes_per_request, 20, 50),
}


def test_every_figure_is_taken_and_what_varies_in_turns():
    assert {figure.name for figure in all_figures()} == PROMISED
    assert {figure.name for figure in all_figures(3) if figure.rounds == 3} == {
        name for name in PROMISED if "bytes" not in name
    }


def test_quick_is_without_the_largest():
    quick = {figure.name for figure in all_figures(quick=True)}
    assert PROMISED - quick == {"seen_bytes_per_url_1e7", "queued_bytes_per_request_1000000_hosts"}
    assert quick - PROMISED == {"queued_bytes_per_request_100000_hosts"}


def test_the_median_of_each_side_counts():
    rounds = iter(
        [{"ours": 3.0, "scrapy_redis": 1.0}, {"ours": 1.0, "scrapy_redis": 5.0}, {"ours": 2.0, "scrapy_redis": 9.0}]
    )
    taken = measured(Figure("of_all", lambda: next(rounds), 3))
    assert (taken["figure"], taken["ours"], taken["scrapy_redis"], len(taken["rounds"])) == ("of_all", 2.0, 5.0, 3)


def test_speed_far_from_redis_is_a_share_of_that_beside_it():
    pairs = {
        "pages_per_second_at_0ms": {"ours": 100.0, "scrapy_redis": 50.0},
        "pages_per_second_at_1ms": {"ours": 99.0, "scrapy_redis": 5.0},
    }
    assert far_to_near(pairs) == {"ours": 0.99, "scrapy_redis": 0.1}


@pytest.mark.parametrize("name", SMALL)
def test_a_small_figure_comes_from_both_sides(name):
    taken = measured(Figure(name, SMALL[name]))
    assert taken["ours"] > 0
    assert taken["scrapy_redis"] > 0
