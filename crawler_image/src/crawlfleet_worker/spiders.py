"""Which spider is meant: which class by a name, which one by a crawler?

The project is found as Scrapy finds it; `generic` is in every image.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from scrapy import Spider
from scrapy.crawler import Crawler
from scrapy.settings import Settings
from scrapy.spiderloader import SpiderLoaderProtocol, get_spider_loader
from scrapy.utils.project import get_project_settings
from scrapy.utils.reactor import install_reactor
from scrapy.utils.reactorless import ReactorImportHook, install_reactor_import_hook

from crawlfleet_worker.exits import ExitCode, WorkerExit, last_line

GENERIC = "generic"


def project_settings() -> Settings:
    """Return the settings of the Scrapy project around the working directory, or Scrapy's defaults without one.

    WorkerExit 66 where the settings module cannot be imported.
    """
    if "" not in sys.path:
        sys.path.insert(0, "")  # a console script lacks what `python -m` and `scrapy` have: the working directory
    try:
        return get_project_settings()
    except Exception as error:
        mend = "Check scrapy.cfg and SCRAPY_SETTINGS_MODULE"
        message = f"the project's settings cannot be imported: {last_line(error)}. {mend}"
        raise WorkerExit(ExitCode.SPIDER_IMPORT_FAILED, message) from error


def find_spider(name: str, settings: Settings) -> type[Spider]:
    """Return the class of the spider `name`. WorkerExit 65: there is none; 66: the spider modules raise."""
    loader = _load(settings)
    if name in loader.list():
        return loader.load(name)
    if name == GENERIC:
        from crawlfleet_worker.generic import GenericSpider  # noqa: PLC0415 - only where it is wanted

        return GenericSpider
    names = ", ".join(sorted({*loader.list(), GENERIC}))
    raise WorkerExit(ExitCode.SPIDER_NOT_FOUND, f"spider {name!r} not found; this image has: {names}")


def spider_of(crawler: Crawler) -> Spider:
    """Return the spider that this crawler runs. RuntimeError before it has built one."""
    if crawler.spider is None:
        raise RuntimeError("no spider yet")
    return crawler.spider


def _load(settings: Settings) -> SpiderLoaderProtocol:
    try:
        with _reactor_settled(settings):
            return get_spider_loader(settings)
    except Exception as error:
        mend = "Import the image's project with `scrapy list` to see the whole traceback"
        if "twisted.internet.reactor" in str(error):
            mend = "Import the reactor inside functions, or set TWISTED_REACTOR_ENABLED = True in settings.py"
        message = f"the spider modules cannot be imported: {last_line(error)}. {mend}"
        raise WorkerExit(ExitCode.SPIDER_IMPORT_FAILED, message) from error


@contextmanager
def _reactor_settled(settings: Settings) -> Iterator[None]:
    """Have the asyncio reactor there before a module imports "the" reactor; without one let the import fail by name."""
    if settings.getbool("TWISTED_REACTOR_ENABLED"):
        install_reactor(settings["TWISTED_REACTOR"], settings["ASYNCIO_EVENT_LOOP"])
        yield
        return
    install_reactor_import_hook()
    try:
        yield
    finally:
        sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, ReactorImportHook)]
