"""Pages with generated figures: is just the marked part another one, and do the lines say what was measured?"""

import pytest

from tools import benchmarks_page, regions

PAGE = "before\n<!-- ours -->\nold\n<!-- end of figures -->\nbetween\n<!-- theirs -->\n<!-- end of figures -->\nafter\n"


def test_only_the_marked_part_changes():
    page = regions.replaced(PAGE, "<!-- theirs -->\n", "new\n")
    assert page == PAGE.replace("<!-- theirs -->\n", "<!-- theirs -->\nnew\n")
    assert regions.replaced(page, "<!-- ours -->\n", "") == page.replace("old\n", "")


@pytest.mark.parametrize("page", ["", "<!-- ours -->\n", "<!-- end of figures -->\n"])
def test_a_page_without_the_lines_is_refused(page):
    with pytest.raises(ValueError, match="the page lacks the line"):
        regions.replaced(page, "<!-- ours -->\n", "new")


def test_a_figure_of_the_frontier_with_its_rounds():
    figure = {"figure": "calls", "ours": 0.05, "scrapy_redis": 10.0, "rounds": [{"ours": 1.0, "scrapy_redis": 2.0}] * 2}
    once = {**figure, "ours": 1234.5, "scrapy_redis": 4000, "rounds": [{"ours": 1.0, "scrapy_redis": 2.0}]}
    lines = benchmarks_page.of_the_frontier([figure, once]).splitlines()
    assert lines[3:5] == ["| `calls` | 0.05 | 10 | 0.005 | 0.500, 0.500 |", "| `calls` | 1,234 | 4,000 | 0.309 |  |"]


def test_a_worker_in_floors_of_the_same_round():
    def side(cpu):
        return {
            "cpu_seconds_per_1000_pages": cpu,
            "pages_per_second": 1000.0,
            "peak_rss_mib": 99.6,
            "start_cpu_seconds": 0.5,
        }

    rounds = [
        {"ours": side(2.0), "scrapy_redis": side(10.0), "vanilla": side(8.0), "floor": side(1.0)},
        {"ours": side(1.0), "scrapy_redis": side(8.0), "vanilla": side(4.0), "floor": side(0.2)},
        {"ours": side(3.0), "scrapy_redis": side(9.0), "vanilla": side(5.0), "floor": side(1.0)},
    ]
    text = benchmarks_page.of_a_worker(rounds)
    assert "| CPU-seconds per 1,000 pages | 2.00 | 9.00 | 5.00 | 1.00 |" in text
    assert "| times the floor of the same round | 3.00 | 10.00 | 8.00 | 1.00 |" in text
    assert "scrapy-redis costs 5.0, 8.0, 3.0 times ours; the floor is 0.12, 0.05, 0.20 of vanilla." in text
