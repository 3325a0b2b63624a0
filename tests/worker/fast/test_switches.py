"""Does each setting turn its fast path off, does an unknown Scrapy turn all off, and does the log say so once?"""

import logging
import sys
from types import SimpleNamespace

import pytest
from scrapy import Spider
from scrapy.utils.test import get_crawler

from crawlfleet_worker.fast.stock import StepAside
from crawlfleet_worker.fast.switches import install

KNOWN = (2, 19, 0)


PUT: "list[str]" = []


def aside(crawler):
    raise StepAside("somebody replaced it")


@pytest.fixture(autouse=True)
def rooms(monkeypatch):
    PUT.clear()
    installs = {"room_a": lambda crawler: PUT.append("A"), "room_b": lambda crawler: PUT.append("B"), "room_c": aside}
    installs["room_http"] = lambda crawler: PUT.append("HTTP")
    for name, put in installs.items():
        monkeypatch.setitem(sys.modules, name, SimpleNamespace(install=put))


@pytest.mark.parametrize(
    ("settings", "version", "on", "said"),
    [
        ({}, KNOWN, ("A", "B", "HTTP"), "Fast paths: A, B, HTTP; Scrapy's own code: C (somebody replaced it)"),
        ({"CRAWLFLEET_FAST_A": "False"}, KNOWN, ("B", "HTTP"), "A (CRAWLFLEET_FAST_A is off)"),
        ({"CRAWLFLEET_FAST": "0"}, KNOWN, (), "Fast paths: none; Scrapy's own code: A (CRAWLFLEET_FAST is off), B"),
        ({"CRAWLFLEET_FAST_HTTP": "False"}, KNOWN, ("A", "B"), "HTTP (CRAWLFLEET_FAST_HTTP is off)"),
        ({}, (2, 20, 0), (), "A (not known for Scrapy 2.20.0)"),
        ({}, (2, 18, 4), (), "B (not known for Scrapy 2.18.4)"),
    ],
)
def test_what_is_on(settings, version, on, said, caplog):
    rooms = {"A": "room_a", "B": "room_b", "C": "room_c", "HTTP": "room_http"}
    caplog.set_level(logging.INFO, "crawlfleet_worker")
    assert install(get_crawler(Spider, settings), rooms, version).on == on
    assert tuple(PUT) == on
    (line,) = [record.getMessage() for record in caplog.records if record.name.startswith("crawlfleet_worker")]
    assert said in line


def test_a_room_is_not_even_imported_where_scrapy_is_another_one():
    assert install(get_crawler(Spider), {"A": "no.such.module"}, (2, 18, 4)).off == {"A": "other_scrapy"}
    with pytest.raises(ModuleNotFoundError):
        install(get_crawler(Spider), {"A": "no.such.module"}, KNOWN)
