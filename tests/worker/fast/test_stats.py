"""Do the statistics count the same, and warn of a spider argument as before?"""

import random
import warnings
from copy import deepcopy

import pytest
from scrapy import Spider
from scrapy.statscollectors import MemoryStatsCollector
from scrapy.utils.test import get_crawler

from crawlfleet_worker.fast import stats
from crawlfleet_worker.fast.stock import StepAside

CALLS = [
    ("inc_value", ("a",)),
    ("inc_value", ("b", 3)),
    ("inc_value", ("c", 2, 5)),
    ("inc_value", ("a", 1, 0, "spider")),
    ("max_value", ("m", 4)),
    ("min_value", ("n", 4)),
    ("set_value", ("s", "text")),
    ("get_value", ("a",)),
    ("get_value", ("none", 7)),
    ("get_stats", ()),
    ("set_stats", ({"z": 1},)),
    ("clear_stats", ()),
]


def said(collector, name, arguments, named):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = getattr(collector, name)(*arguments, **named)
    return repr(result), [(one.category, str(one.message)) for one in caught], dict(collector._stats)


@pytest.mark.parametrize("seed", range(50))
def test_both_collectors_hold_and_say_the_same(seed):
    choice, crawler = random.Random(seed), get_crawler(Spider)
    stock = MemoryStatsCollector(crawler)
    stats.install(crawler)
    for _ in range(40):
        name, arguments = choice.choice(CALLS)
        named = {"spider": None} if "spider" not in arguments and choice.random() < 0.1 else {}
        assert said(crawler.stats, name, deepcopy(arguments), named) == said(stock, name, deepcopy(arguments), named)
    assert isinstance(crawler.stats, MemoryStatsCollector)


def test_a_collector_of_ones_own_stays():
    class Own(MemoryStatsCollector):
        pass

    crawler = get_crawler(Spider)
    crawler.stats = Own(crawler)
    with pytest.raises(StepAside, match="Own"):
        stats.install(crawler)
