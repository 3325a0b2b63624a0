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

ALL: Final = "CRAWLFLEET_FAST"
"""Setting: False leaves every page to Scrapy's own code."""

VERSIONS: Final = frozenset({(2, 19)})
"""Versions of Scrapy whose code the replacements are held against."""

Version = tuple[int | str, ...]

logger = logging.getLogger(__name__)


def install(crawler: Crawler, rooms: Mapping[str, str], version: Version = version_info) -> tuple[str, ...]:
    """Put in place what is on and fits; return the names. To be called when the engine exists, before it begins.

    A room is a module with an `install(crawler)`, which raises StepAside where Scrapy's own code has to stay.
    """
    on: list[str] = []
    off: list[str] = []
    for name, module in rooms.items():
        why = _switched_off(crawler.settings, name, version) or _put(crawler, module)
        (off if why else on).append(f"{name} ({why})" if why else name)
    logger.info("Fast paths: %s; Scrapy's own code: %s", ", ".join(on) or "none", ", ".join(off) or "nowhere else")
    return tuple(on)


def _put(crawler: Crawler, module: str) -> str:
    """Put one in place; return why not."""
    try:
        import_module(module).install(crawler)
    except StepAside as aside:
        return str(aside)
    return ""


def _switched_off(settings: BaseSettings, name: str, version: Version) -> str:
    for setting in (ALL, f"{ALL}_{name}"):
        if not settings.getbool(setting, True):
            return f"{setting} is off"
    return "" if version[:2] in VERSIONS else f"not known for Scrapy {'.'.join(map(str, version))}"
