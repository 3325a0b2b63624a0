"""A whole crawl, once with Scrapy's code and once with the fast paths in its place, and what is to be the same."""

import gc
import logging
import re
from collections import Counter, defaultdict
from dataclasses import dataclass

from scrapy import signals
from scrapy.crawler import AsyncCrawlerRunner, Crawler
from scrapy.http import Response
from scrapy.settings import Settings
from scrapy.utils import trackref

from crawlfleet_worker.fast.rooms import ROOMS
from crawlfleet_worker.fast.switches import install
from tests.worker.frontier.crawls import BASE

SIGNALS = [name for name in dir(signals) if name[0] != "_" and type(getattr(signals, name)) is object]
TIMES = ("time", "memusage", "bytes", "per_minute", "log_count")
ANY_TIME = ("request_scheduled", "request_dropped")
"""A URL that several pages link to: which of them comes first differs from run to run."""

ENDS = ("item", "left")


class Witness:
    """Takes the fast paths where it is told to, and notes every signal.

    With DEAF it does not listen to those of ANY_TIME; with LATE it begins to when the spider is opened.
    """

    @classmethod
    def from_crawler(cls, crawler):
        witness = cls()
        witness.crawler, witness.on, witness.told, witness.of = crawler, (), [], defaultdict(list)
        crawler.witness = witness
        witness.hear_late = witness.receiver("request_scheduled")
        unheard = ANY_TIME if crawler.settings.getbool("DEAF") else ()
        for name in (one for one in SIGNALS if one not in unheard):
            receiver = witness.receiver(name)
            setattr(witness, f"hear_{name}", receiver)
            crawler.signals.connect(receiver, getattr(signals, name))
        crawler.signals.connect(witness.opened, signals.spider_opened)
        return witness

    def opened(self):
        if self.crawler.settings.getbool("LATE"):
            self.crawler.signals.connect(self.hear_late, signals.request_scheduled)
        if self.crawler.settings.getbool("FAST"):
            self.on = install(self.crawler, ROOMS).on
        slot = self.crawler.engine._slot
        leave = slot.remove_request

        def left(request):
            self.told.append(("left", request.url, "", "", "", ""))
            leave(request)

        slot.remove_request = left

    def receiver(self, name):
        def hear(request=None, response=None, item=None, reason=None, failure=None, exception=None):
            about = getattr(request or response, "url", "")
            headers = sorted(request.headers.to_unicode_dict().items()) if name == "request_scheduled" else ""
            raised = repr(getattr(failure, "value", exception))
            if name not in ("scheduler_empty", "bytes_received"):  # how often depends on the moment
                self.told.append((name, about, str(headers), str(item), str(reason), raised))
            if about and name not in ANY_TIME and not name.startswith("item_"):
                self.of[request or response.request].append(name)

        return hear


@dataclass
class Crawled:
    """What came of a crawl."""

    on: "tuple[str, ...]"
    told: "list[tuple[str, ...]]"
    of: "dict[object, list[str]]"
    stats: "dict[str, object]"
    logged: "Counter[tuple[str, int, str]]"
    asked: "Counter[str]"
    alive: int

    def by_url(self):
        """Return the signals of each request of a URL in their order, but for those of any time, and for items."""
        found = defaultdict(Counter)
        for request, names in self.of.items():
            found[request.url][tuple(names)] += 1
        return found

    def items_after_their_page(self):
        """Return the pages whose last item came after the last request for them had left the engine."""
        last = {
            (name[:5] == "item_", about): place for place, (name, about, *_) in enumerate(self.told) if name[:4] in ENDS
        }
        return sorted(
            about for (item, about), place in last.items() if item and place > last.get((False, about), place)
        )

    def from_idle_on(self):
        """Return which signals come from the last moment on at which nothing is left to do."""
        names = [name for name, *_ in self.told]
        idle = [place for place, name in enumerate(names) if name == "spider_idle"]
        return names[idle[-1] :] if idle else []


async def twice(kind, settings, server, caplog, **arguments) -> "tuple[Crawled, Crawled]":
    """Crawl with Scrapy's code, then with the fast paths that the settings leave on."""
    caplog.set_level(logging.INFO)
    stock = await _crawled(kind, {**settings, "FAST": False}, server, caplog, arguments)
    fast = await _crawled(kind, {**settings, "FAST": True}, server, caplog, arguments)
    assert stock.on == ()
    return stock, fast


async def _crawled(kind, settings, server, caplog, arguments) -> Crawled:
    settings = {**BASE, "LOG_LEVEL": "INFO", "RETRY_TIMES": 1, **settings}
    settings["EXTENSIONS"] = {Witness: 0, **settings.get("EXTENSIONS", {})}
    caplog.clear()
    before = _alive()
    crawler, asked = Crawler(kind, Settings(settings, priority="project")), len(server.paths)
    await AsyncCrawlerRunner(crawler.settings).crawl(crawler, **arguments)
    stats = {name: value for name, value in crawler.stats.get_stats().items() if not any(t in name for t in TIMES)}
    logged = Counter(_line(one) for one in caplog.records if _belongs(one))
    caplog.clear()  # records hold what they speak of
    witness = crawler.witness
    return Crawled(
        witness.on, witness.told, witness.of, stats, logged, Counter(server.paths[asked:]), _alive() - before
    )


def _belongs(record: logging.LogRecord) -> bool:
    scraper = record.name in ("scrapy.core.scraper", "py.warnings") and record.levelno >= logging.INFO
    return scraper or (record.name.startswith("scrapy") and record.levelno >= logging.WARNING)


def _line(record: logging.LogRecord) -> "tuple[str, int, str]":
    raised = repr(record.exc_info[1]) if record.exc_info else ""
    text = re.sub(r" at 0x[0-9a-f]+", "", record.getMessage() + raised)
    return record.name, record.levelno, re.sub("Cannot connect to .*", "Cannot connect", text)  # each in its own words


def _alive() -> int:
    """Return how many responses are alive."""
    gc.collect()
    return sum(len(births) for kind, births in trackref.live_refs.items() if issubclass(kind, Response))


def assert_same(stock: Crawled, fast: Crawled) -> None:
    """AssertionError where the two crawls differ."""
    assert fast.asked == stock.asked
    assert Counter(fast.told) == Counter(stock.told)
    assert fast.by_url() == stock.by_url()
    assert fast.items_after_their_page() == stock.items_after_their_page()
    assert fast.from_idle_on() == stock.from_idle_on()
    assert fast.stats == stock.stats
    assert fast.logged == stock.logged
    assert fast.alive == stock.alive
