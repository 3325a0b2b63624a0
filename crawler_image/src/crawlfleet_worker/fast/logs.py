"""No words about a page that no handler takes.

Replaces: `LogFormatter.crawled` and `.scraped`, whose DEBUG messages are put together, and made a record, for every
page and item: Scrapy's root logger takes all levels and leaves the choice to the handlers.
Steps aside: another formatter, or one whose methods were replaced. For one message: wherever a handler takes DEBUG, the
logger has filters, or records are made by a factory of the user's.
Holds for: Scrapy 2.19.
"""

import logging
from collections.abc import Callable
from typing import Any, Final

from scrapy.crawler import Crawler
from scrapy.logformatter import LogFormatter

from crawlfleet_worker.fast.stock import StepAside, put, require_class, require_own

LOGGERS: Final = {"crawled": "scrapy.core.engine", "scraped": "scrapy.core.scraper"}
"""Method of the formatter → the logger that its message goes to."""

Formatted = Callable[..., Any]


def install(crawler: Crawler) -> None:
    """Let the crawler's formatter say nothing where nobody hears it. StepAside where it is not Scrapy's own."""
    formatter = crawler.logformatter
    if formatter is None:
        raise StepAside("no formatter yet")
    require_class(formatter, LogFormatter)
    require_own(formatter, *LOGGERS)
    for name, logger in LOGGERS.items():
        put(formatter, name, heard(getattr(formatter, name), logging.getLogger(logger)))


def heard(stock: Formatted, logger: logging.Logger) -> Formatted:
    """Return the method; it gives None, which is not logged, where no handler takes it."""

    def formatted(*given: object, **named: object) -> object:
        return stock(*given, **named) if takes(logger, logging.DEBUG) else None

    return formatted


def takes(logger: logging.Logger, level: int) -> bool:
    """Whether anybody would be told of a record of this level."""
    if not logger.isEnabledFor(level):
        return False
    if logger.filters or logging.getLogRecordFactory() is not logging.LogRecord:
        return True
    node: logging.Logger | None = logger
    found = False
    while node is not None:
        for handler in node.handlers:
            if level >= handler.level:
                return True
            found = True
        node = node.parent if node.propagate else None
    return not found and logging.lastResort is not None and level >= logging.lastResort.level
