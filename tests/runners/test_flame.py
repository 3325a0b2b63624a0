"""Does the flame graph of a worker say what the stacks say?"""

from xml.etree import ElementTree

import pytest

from benchmarks.worker import flame, parsing

STACKS = [
    "asyncio.runners:run;scrapy.core.engine:crawl;parsel.selector:css 30",
    "asyncio.runners:run;scrapy.core.engine:crawl 10",
    "asyncio.runners:run;crawlfleet_worker.frontier.scheduler:next_request 59",
    "asyncio.runners:run;ssl:read 1",
]


def test_the_tree_begins_where_the_stacks_part():
    root = flame.tree(STACKS)
    assert (root.name, root.samples, root.own) == ("asyncio.runners:run", 100, 0)
    assert {name: node.samples for name, node in root.children.items()} == {
        "scrapy.core.engine:crawl": 40,
        "crawlfleet_worker.frontier.scheduler:next_request": 59,
        "ssl:read": 1,
    }


def test_shares_are_of_what_a_function_spends_itself():
    root = flame.tree(STACKS)
    assert {owner: share for (owner, _), share in flame.shares(root).items() if share} == pytest.approx(
        {"Scrapy": 0.1, "parsing": 0.3, "ours": 0.59, "other": 0.01}
    )
    assert flame.longest(root)[0] == ("crawlfleet_worker.frontier.scheduler:next_request", 0.59)


def test_the_picture_is_svg_with_a_box_for_each_function_and_none_for_what_is_too_narrow():
    picture = flame.drawn(flame.tree([*STACKS, "asyncio.runners:run;<lambda>:f 100000"]), "a & b")
    titles = [one.text for one in ElementTree.fromstring(picture).iter("{http://www.w3.org/2000/svg}title")]  # noqa: S314
    assert titles == ["asyncio.runners:run: 100.0 %", "<lambda>:f: 99.9 %"]


def test_the_share_of_reading_counts_every_look_below_it():
    below = "asyncio.runners:run;crawlfleet_worker.fast.extraction:extract;w3lib.html:strip_html5_whitespace 20"
    assert parsing.share([*STACKS, below]) == (30 + 20) / 120
    assert parsing.share([]) == 0.0
