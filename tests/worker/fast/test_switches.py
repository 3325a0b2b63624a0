"""Does each setting turn its fast path off, does an unknown Scrapy turn all off, and does the log say so once?"""

import logging

import pytest
from scrapy import Spider
from scrapy.utils.test import get_crawler

from crawlfleet_worker.fast.stock import StepAside
from crawlfleet_worker.fast.switches import install

KNOWN = (2, 19, 0)


def aside(crawler):
    raise StepAside("somebody replaced it")


@pytest.mark.parametrize(
    ("settings", "version", "on", "said"),
    [
        ({}, KNOWN, ("A", "B"), "Fast paths: A, B; Scrapy's own code: C (somebody replaced it)"),
        ({"CRAWLFLEET_FAST_A": "False"}, KNOWN, ("B",), "A (CRAWLFLEET_FAST_A is off)"),
        ({"CRAWLFLEET_FAST": "0"}, KNOWN, (), "Fast paths: none; Scrapy's own code: A (CRAWLFLEET_FAST is off), B"),
        ({}, (2, 20, 0), (), "A (not known for Scrapy 2.20.0)"),
        ({}, (2, 18, 4), (), "B (not known for Scrapy 2.18.4)"),
    ],
)
def test_what_is_on(settings, version, on, said, caplog):
    put = []
    rooms = {"A": lambda crawler: put.append("A"), "B": lambda crawler: put.append("B"), "C": aside}
    caplog.set_level(logging.INFO, "crawlfleet_worker")
    assert install(get_crawler(Spider, settings), rooms, version) == on
    assert tuple(put) == on
    (line,) = [record.getMessage() for record in caplog.records if record.name.startswith("crawlfleet_worker")]
    assert said in line
