"""Is a message put together wherever somebody would be told, and nowhere else?"""

import logging

import pytest
from scrapy import Request, Spider
from scrapy.http import Response
from scrapy.logformatter import LogFormatter
from scrapy.utils.test import get_crawler

from crawlfleet_worker.fast import logs
from crawlfleet_worker.fast.stock import StepAside


@pytest.fixture
def logger(monkeypatch):
    """A logger whose only handlers are those of the test."""
    root, child = logging.Logger("root", logging.NOTSET), logging.Logger("child")
    child.manager, child.parent = logging.Manager(root), root
    return child


def handler(level):
    made = logging.NullHandler()
    made.setLevel(level)
    return made


@pytest.mark.parametrize(
    ("own", "parents", "takes"),
    [
        ([], [], False),
        ([], [logging.INFO], False),
        ([], [logging.INFO, logging.DEBUG], True),
        ([logging.NOTSET], [logging.ERROR], True),
        ([logging.INFO], [], False),
    ],
)
def test_a_handler_on_the_way_decides(logger, own, parents, takes):
    for level in own:
        logger.addHandler(handler(level))
    for level in parents:
        logger.parent.addHandler(handler(level))
    assert logs.takes(logger, logging.DEBUG) is takes


def test_a_handler_that_comes_later_is_told(logger):
    assert not logs.takes(logger, logging.DEBUG)
    logger.parent.addHandler(handler(logging.DEBUG))
    assert logs.takes(logger, logging.DEBUG)


def test_what_does_not_propagate_stays(logger):
    logger.parent.addHandler(handler(logging.DEBUG))
    logger.propagate = False
    assert not logs.takes(logger, logging.DEBUG)


def test_filters_and_factories_of_the_user_see_every_record(logger, monkeypatch):
    logger.filters.append(lambda record: True)
    assert logs.takes(logger, logging.DEBUG)
    logger.filters.clear()
    monkeypatch.setattr(logging, "getLogRecordFactory", lambda: dict)
    assert logs.takes(logger, logging.DEBUG)


def test_the_loggers_own_level_comes_first(logger):
    logger.addHandler(handler(logging.DEBUG))
    logger.filters.append(lambda record: True)
    logger.setLevel(logging.WARNING)
    assert not logs.takes(logger, logging.DEBUG)


def test_the_formatter_speaks_as_before_where_it_is_heard(caplog):
    crawler = get_crawler(Spider)
    stock = LogFormatter()
    logs.install(crawler)
    request, response = Request("http://a.example/"), Response("http://a.example/")
    with caplog.at_level(logging.DEBUG):
        caplog.handler.setLevel(logging.DEBUG)
        for name, given in (("crawled", (request, response, None)), ("scraped", ({"a": 1}, response, None))):
            assert getattr(crawler.logformatter, name)(*given) == getattr(stock, name)(*given)
    with caplog.at_level(logging.INFO):
        assert crawler.logformatter.crawled(request, response, None) is None
        assert crawler.logformatter.item_error({}, ValueError("x"), response, None) is not None


def test_a_formatter_of_ones_own_stays():
    class Own(LogFormatter):
        pass

    crawler = get_crawler(Spider)
    crawler.logformatter = Own()
    with pytest.raises(StepAside, match="Own"):
        logs.install(crawler)
