"""How does one worker run, from its environment to its exit code?

Reactor-less Scrapy is the default: asyncio alone, with the aiohttp download handler. A project (or spider)
that sets TWISTED_REACTOR_ENABLED = True gets Scrapy on Twisted's asyncio reactor, in the same process and
with the same drain.
"""

import asyncio
import logging
import os

from scrapy import Spider
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.settings import Settings
from scrapy.utils.log import configure_logging

from crawlfleet_worker.contract import read_contract
from crawlfleet_worker.draining import Drain, give_back
from crawlfleet_worker.engine import WorkerCrawler, self_test
from crawlfleet_worker.exits import ExitCode, WorkerExit, last_line, write_termination_message
from crawlfleet_worker.feeding import silence_own_reader
from crawlfleet_worker.frontier.parts import equip
from crawlfleet_worker.heartbeat import Heartbeat
from crawlfleet_worker.items import ItemStore
from crawlfleet_worker.seeding import give_start
from crawlfleet_worker.sentinel import wait_for_sentinel
from crawlfleet_worker.session import Session
from crawlfleet_worker.settings import ITEMS_MAX, apply_settings
from crawlfleet_worker.signals import Stop
from crawlfleet_worker.spiders import find_spider, project_settings

FLUSH_SECONDS = 1.2
"""For the items, and again for the last beat, when the worker ends."""

logger = logging.getLogger(__name__)


def run(stop: Stop) -> int:
    """Run the worker that the environment describes; return the exit code.

    Raises WorkerExit where it cannot start.
    """
    contract = read_contract(os.environ)
    self_test()
    settings = project_settings()
    apply_settings(settings, contract)
    configure_logging(settings)
    logging.getLogger("crawlfleet_worker").setLevel(settings.get("LOG_LEVEL"))
    spider_class = find_spider(contract.spider, settings)
    on_frontier = contract.engine == "Frontier"
    session = Session(contract, seeded=False if on_frontier else wait_for_sentinel(contract))
    return _crawl(spider_class, settings, session, stop)


def _crawl(spider_class: type[Spider], settings: Settings, session: Session, stop: Stop) -> int:
    contract = session.contract
    crawler = WorkerCrawler(spider_class, settings, session, _prepare_spider)
    settings.set("TWISTED_REACTOR_ENABLED", crawler.settings.getbool("TWISTED_REACTOR_ENABLED"), priority="cmdline")
    session.items = ItemStore(
        contract.redis_url, crawler.settings["REDIS_ITEMS_KEY"], crawler.settings.getint(ITEMS_MAX)
    )
    heartbeat = _heartbeat(crawler, session)
    process = AsyncCrawlerProcess(settings)
    loop = asyncio.get_event_loop()
    drain = Drain(crawler, loop, lambda: _finish(session, heartbeat))
    session.ending = drain.begin
    stop.hand_over(drain.begin)
    session.phase = "running"
    session.items.start()
    if heartbeat is not None:
        heartbeat.start()
    crawl = process.crawl(crawler, **dict(contract.arguments))
    process.start(install_signal_handlers=False)
    _note_the_end(crawl, session, drain.begun)
    give_back(session)
    return _finish(session, heartbeat)


def _heartbeat(crawler: WorkerCrawler, session: Session) -> Heartbeat | None:
    """Return the thread that beats; with `engine: Frontier` its client does so itself, once it has joined."""
    if session.contract.engine == "Frontier":
        equip(crawler, session)
        return None
    return Heartbeat(session)


def _prepare_spider(spider: Spider, session: Session) -> None:
    if session.contract.seeds.type == "Spider":
        give_start(spider)
    else:
        silence_own_reader(spider)


def _note_the_end(crawl: "asyncio.Task[None]", session: Session, drained: bool) -> None:
    error = None if crawl.cancelled() else crawl.exception()
    if isinstance(error, WorkerExit):
        session.end = session.end or error
    elif error is not None:
        session.end = session.end or WorkerExit(ExitCode.WORKER_CRASHED, last_line(error))
    elif not drained:
        logger.warning("The spider closed itself; the container is started again and goes on with the queue")


def _finish(session: Session, heartbeat: Heartbeat | None) -> int:
    """Send items and counters, say why we end, and return the exit code."""
    session.phase = "draining"
    if session.items is not None:
        session.items.finish(FLUSH_SECONDS)
    session.taken.clear()
    session.unsent = 0
    if heartbeat is not None:
        heartbeat.finish(FLUSH_SECONDS)
    end = session.end or WorkerExit(ExitCode.DRAINED, "drained: all work is finished or given back")
    write_termination_message(end.message)
    if end.code is not ExitCode.DRAINED:
        logger.error("%s", end.message)
    return int(end.code)
