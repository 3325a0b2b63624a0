"""The worker's bench: which cells are measured, of which pages, and what of them is written?"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.worker import cells, documentation, go_peer, inputs, pages, report, rounds
from benchmarks.worker.__main__ import possible
from benchmarks.worker.documentation import Page, reachable, taking_turns
from benchmarks.worker.meter import METER_FILE
from benchmarks.worker.sides import SIDES
from cluster import toolchain
from cluster.errors import ClusterError
from demo.content import BOOKS
from demo.errors import DemoError
from tests.servers.site import Hit, NginxSite

TEXT = {
    "index.html": "<title>Start</title><a href='a.html#top'>A</a> <a href='b/'>B</a> <a href='mailto:x@y'>!</a>",
    "a.html": "<title>A</title><a href='b/index.html'>B again</a> <a href='gone.html'>gone</a> <a href='/'>up</a>",
    "b/index.html": "<title>B</title><a href='../a.html?q=1'>A</a> <a href='c%20d.html'>odd</a> <a href='c.html'>C</a>",
    "b/c.html": "<title>C</title><a href='//elsewhere.example/a.html'>away</a>",
    "alone.html": "<title>Alone</title>",
}
BOOK = {name: text.encode() for name, text in TEXT.items()}


def test_everything_is_measured_unless_less_is_asked_for():
    every = cells.asked_for([])
    assert len(every) == 12
    assert every[0] == cells.Cell("generated", "callbacks", 20_000, 5, tuple(SIDES), is_whole=True)
    assert {(cell.pages, cell.rounds) for cell in every[1:]} == {(2_000, 3)}
    assert [cell.spider for cell in every if "floor" in cell.sides] == ["callbacks"] * 3
    assert [cell for cell in every if "colly" in cell.sides] == [cell for cell in every if cell.is_main]
    assert all(cell.is_whole for cell in every)


def test_some_sides_of_some_cells():
    asked = "--input large,generated --spider rules,callbacks --sides floor,ours --pages 7 --rounds 2"
    assert cells.asked_for(asked.split()) == [
        cells.Cell("generated", "callbacks", 7, 2, ("ours", "floor")),
        cells.Cell("generated", "rules", 7, 2, ("ours",)),
        cells.Cell("large", "callbacks", 7, 2, ("ours", "floor")),
        cells.Cell("large", "rules", 7, 2, ("ours",)),
    ]
    assert not any(cell.is_whole for cell in cells.asked_for(asked.split()))
    assert cells.asked_for(["--sides", "floor", "--spider", "rules"]) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("--input small", "no such input: small; there is generated, documentation, large"),
        ("--spider rules,rule", "no such spider: rule"),
        ("--sides theirs", "no such sides: theirs"),
        ("--pages 0", "at least 1"),
    ],
)
def test_what_does_not_exist_is_named(wrong, said, capsys):
    with pytest.raises(SystemExit):
        cells.asked_for(wrong.split())
    assert said in capsys.readouterr().err


def test_without_go_the_other_sides_run_and_a_line_says_so(monkeypatch, capsys):
    def no_go() -> Path:
        raise ClusterError("no Go compiler: install one\nmore about it")

    monkeypatch.setattr(go_peer, "program", no_go)
    asked = cells.asked_for(["--input", "generated", "--spider", "callbacks,rules"])
    main, rules = possible(asked)
    assert (main.sides, main.is_whole) == (tuple(side for side in SIDES if side != "colly"), True)
    assert rules == asked[1]
    assert capsys.readouterr().out == "colly is left out: no Go compiler: install one\n"
    assert possible(cells.asked_for(["--spider", "callbacks", "--sides", "colly"])) == []


def test_colly_fetches_every_page_once():
    if not toolchain.find():
        pytest.skip("no Go on this machine")
    with inputs.INPUTS["generated"](2_000) as given:
        figures = rounds.once(given.site, "colly", "callbacks", given.arguments("callbacks"))
    assert min(figures.values()) > 0


def test_a_large_page_has_130_kilobytes_and_460_links():
    site = pages.generated(30, pages.LARGE)
    for body in site.values():
        assert 125_000 < len(body) < 140_000
        assert len(re.findall(rb"href=", body)) == 460


def test_pages_of_a_book_are_found_once_each_whatever_their_links_look_like():
    found = list(reachable("http://127.0.0.2:80/", BOOK.get))
    assert [(page.url.removeprefix("http://127.0.0.2:80"), page.file) for page in found] == [
        ("/", "/127.0.0.2/index.html"),
        ("/a.html", "/127.0.0.2/a.html"),
        ("/b/", "/127.0.0.2/b/index.html"),
        ("/b/c.html", "/127.0.0.2/b/c.html"),
    ]


def test_books_take_turns_until_the_longest_ends():
    one, two, three = (Page(str(n), "", b"") for n in range(3))
    assert list(taking_turns([iter([one, two]), iter([three])])) == [one, three, two]


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A small book in the place of each package."""
    for name, body in BOOK.items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(body)
    monkeypatch.setattr(documentation, "unpacked", lambda book, cache: tmp_path)
    monkeypatch.setattr(documentation, "HANDBOOK", "none of them")


def test_more_pages_than_there_are(library):
    assert len(documentation.chosen(11, 80)) == 11
    with pytest.raises(DemoError, match="--pages: the documentation has only 12 pages, not 13"):
        documentation.chosen(13, 80)


@pytest.mark.parametrize("spider", ["rules", "sitemap", "pipelines"])
def test_each_spider_fetches_every_page_of_several_hosts_once(spider, library):
    with inputs.INPUTS["documentation"](10) as given:
        assert len({path.split("/")[1] for path in given.site.pages}) == len(BOOKS)
        figures = rounds.once(given.site, "vanilla", spider, given.arguments(spider))
    assert min(figures.values()) > 0


def test_the_bare_loop_on_several_hosts(library):
    with inputs.INPUTS["documentation"](12) as given:
        ((_, side, _),) = rounds.run(given, "callbacks", ["floor"], 1)
    assert side == "floor"


CELL = cells.Cell("large", "rules", 7, 2, ("ours",))
MAIN = cells.Cell(*cells.MAIN, 7, 2, ("ours",))


def test_the_file_keeps_the_cells_of_the_same_code():
    first = report.document({}, {"code_hash": "1"}, MAIN, {"cpu_seconds_per_1000_pages": {"ours": 1}})
    both = report.document(first, {"code_hash": "1"}, CELL, {"cpu_seconds_per_1000_pages": {"ours": 2}})
    assert both == {
        "code_hash": "1",
        "cpu_seconds_per_1000_pages": {"ours": 1},
        "others": {"large": {"rules": {"cpu_seconds_per_1000_pages": {"ours": 2}}}},
    }
    again = report.document(both, {"code_hash": "1"}, MAIN, {"cpu_seconds_per_1000_pages": {"ours": 3}})
    assert again == {**both, "cpu_seconds_per_1000_pages": {"ours": 3}}
    other = report.document(both, {"code_hash": "2"}, CELL, {"pages": 7})
    assert other == {"code_hash": "2", "others": {"large": {"rules": {"pages": 7}}}}


def test_cpu_is_told_in_floors_where_there_is_one():
    assert "times the floor         ours     4.000" in report.table(
        {"cpu_seconds_per_1000_pages": {"ours": 2, "floor": 0.5}}
    )
    assert "floor" not in report.table({"cpu_seconds_per_1000_pages": {"ours": 2}})


def test_a_page_that_is_not_there_makes_a_run_void(tmp_path):
    site = NginxSite("http://127.0.0.1:1", {"/a": b""}, tmp_path / "log")
    with pytest.raises(AssertionError, match=re.escape("{'/b (404)': 1}")):
        rounds._check_pages("ours", [Hit("/a", 200, 1), Hit("/b", 404, 1)], site, 1)


def test_memory_is_not_that_of_the_process_which_started_the_side(tmp_path):
    held = bytearray(300 << 20)
    meter = tmp_path / "meter.json"
    code = "from benchmarks.worker.meter import Meter; Meter().write(0)"
    subprocess.run([sys.executable, "-c", code], env={**os.environ, METER_FILE: str(meter)}, check=True, timeout=60)
    peak = json.loads(meter.read_text())["peak_rss_mib"]
    del held
    assert 1 < peak < 150
