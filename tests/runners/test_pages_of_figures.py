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


def test_the_cells_table_has_a_line_for_each_input_and_spider():
    def seed(spider, number, **cpu):
        sides = {side: {"cpu_seconds_per_1000_pages": of_side} for side, of_side in cpu.items()}
        sides["ours"]["least_fast_share"] = 0.97
        more = {"parsing_share": 0.4} if number == 1 else {}
        return {"input": "large", "spider": spider, "round": number, "sides": sides, **more}

    seeds = [
        seed("callbacks", 1, ours=2.0, scrapy_redis=10.0, floor=1.0),
        seed("rules", 1, ours=3.0, scrapy_redis=30.0),
        seed("callbacks", 2, ours=4.0, scrapy_redis=40.0, floor=3.0),
        seed("callbacks", 3, ours=3.0, scrapy_redis=12.0, floor=1.0),
    ]
    lines = benchmarks_page.of_the_cells(seeds).splitlines()
    sides = "ours | scrapy_redis | floor"
    assert (
        lines[1] == f"| input | spider | {sides} | scrapy-redis / ours | ours / floor | parsing | on the fast paths |"
    )
    assert lines[3:] == [
        "| large | callbacks | 3.00 | 12.00 | 1.00 | 5.00 | 2.00 | 40% | 97% |",
        "| large | rules | 3.00 | 30.00 |  | 10.00 |  | 40% | 97% |",
        "",
    ]
