"""Which fast paths does this worker take?

All that are known for this Scrapy, unless CRAWLFLEET_FAST (all of them) or CRAWLFLEET_FAST_<NAME> (one) is set to
False. One line in the log says what is on, and why anything is not.
"""

import logging
from collections.abc import Mapping
from importlib import import_module
from typing import Final

from scrapy import version_info
from scrapy.crawler import Crawler
from scrapy.settings import BaseSettings

from crawlfleet_worker.fast.stock import StepAside
from crawlfleet_worker.fast.tally import OFF, OTHER_SCRAPY, REPLACED, Tally

ALL: Final = "CRAWLFLEET_FAST"
"""Setting: False leaves every page to Scrapy's own code."""

VERSIONS: Final = frozenset({(2, 19)})
"""Versions of Scrapy whose code the replacements are held against."""

Version = tuple[int | str, ...]
WhyNot = tuple[str, str]
"""In a word (`fast.tally`), and in words."""

logger = logging.getLogger(__name__)


def install(crawler: Crawler, rooms: Mapping[str, str], version: Version = version_info) -> Tally:
    """Put in place what is on and fits; return who counts its pages. To be called when the engine is there and idle.

    A room is a module with an `install(crawler)`, which raises StepAside where Scrapy's own code has to stay.
    """
    on: list[str] = []
    off: dict[str, str] = {}
    words: list[str] = []
    for name, module in rooms.items():
        found = _switched_off(crawler.settings, name, version) or _put(crawler, module)
        if found is None:
            on.append(name)
        else:
            off[name] = found[0]
            words.append(f"{name} ({found[1]})")
    logger.info("Fast paths: %s; Scrapy's own code: %s", ", ".join(on) or "none", ", ".join(words) or "nowhere else")
    return Tally(tuple(on), off)


def _put(crawler: Crawler, module: str) -> WhyNot | None:
    """Put one in place; return why not."""
    try:
        import_module(module).install(crawler)
    except StepAside as aside:
        return REPLACED, str(aside)
    return None


def _switched_off(settings: BaseSettings, name: str, version: Version) -> WhyNot | None:
    for setting in (ALL, f"{ALL}_{name}"):
        if not settings.getbool(setting, True):
            return OFF, f"{setting} is off"
    if version[:2] in VERSIONS:
        return None
    return OTHER_SCRAPY, f"not known for Scrapy {'.'.join(map(str, version))}"
