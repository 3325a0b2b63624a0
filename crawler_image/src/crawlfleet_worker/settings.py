"""Which Scrapy settings does a worker run with, and which of them are not the user's?

Priorities are Scrapy's own: our defaults stand below the project's settings; `spec.spider.settings` are the
command line's; the reserved ones are set last, at the command line's priority, so that neither the project
nor a spider's `custom_settings` overrides them.
"""

from collections.abc import Mapping
from typing import Any, Final

from scrapy import version_info
from scrapy.settings import Settings

from crawlfleet_frontier import JobKeys
from crawlfleet_frontier.store.keys import StoreKeys
from crawlfleet_worker.contract import Contract, Engine
from crawlfleet_worker.exits import ExitCode, WorkerExit

ITEMS_MAX: Final = "CRAWLFLEET_ITEMS_MAX"
"""Setting: how many items the list in Redis keeps, the newest; 0 keeps none."""

REQUEST_MAX_SECONDS: Final = "CRAWLFLEET_REQUEST_MAX_SECONDS"
"""Setting (engine: Frontier): a request that is in the engine for longer is given up, its worker's loss counted."""

AIOHTTP_SINCE: Final = (2, 19)
"""From this Scrapy on its download handler without a reactor is aiohttp's; before, it was httpx's, an extra package."""

DEFAULTS: Final[Mapping[str, Any]] = {
    ITEMS_MAX: 100_000,
    REQUEST_MAX_SECONDS: 900,
    "LOG_LEVEL": "INFO",
    "TWISTED_REACTOR_ENABLED": version_info[:2] < AIOHTTP_SINCE,
}

RESERVED: Final[Mapping[str, str]] = {
    "SCHEDULER": "the engine chooses the scheduler",
    "DUPEFILTER_CLASS": "the engine chooses the duplicate filter",
    "REDIS_URL": "the connection to Redis is the operator's; use spec.redis",
    "REDIS_HOST": "the connection to Redis is the operator's; use spec.redis",
    "REDIS_PORT": "the connection to Redis is the operator's; use spec.redis",
    "REDIS_DB": "the connection to Redis is the operator's; use spec.redis",
    "REDIS_PARAMS": "the connection to Redis is the operator's; use spec.redis",
    "REDIS_ENCODING": "the connection to Redis is the operator's; use spec.redis",
    "REDIS_DECODE_RESPONSES": "the connection to Redis is the operator's; use spec.redis",
    "REDIS_START_URLS_KEY": "seeds come from spec.seeds",
    "REDIS_ITEMS_KEY": "each job has its own list of items",
    "MAX_IDLE_TIME_BEFORE_CLOSE": "the operator decides when a crawl ends; use spec.completion",
    "TELNETCONSOLE_ENABLED": "the telnet console is off in every worker",
    "REMOTE_CONTROL_ENABLED": "remote control is off in every worker",
    "TWISTED_REACTOR": "the worker starts Scrapy's event loop itself",
    "TWISTED_REACTOR_ENABLED": "the worker starts Scrapy's event loop itself; a project's settings.py may set it",
    "ASYNCIO_EVENT_LOOP": "the worker starts Scrapy's event loop itself",
    "FORCE_CRAWLER_PROCESS": "the worker starts Scrapy's event loop itself",
}
"""Names refused in `spec.spider.settings`, with the reason; so is every other `SCHEDULER_…`."""

RESERVED_PREFIX: Final = "SCHEDULER_"

_COMPONENTS: Final[Mapping[Engine, Mapping[str, str]]] = {
    "ScrapyRedis": {
        "stays open": "crawlfleet_worker.feeding.FeedingExtension",
        "start() passes": "crawlfleet_worker.seeding.StartGate",
    },
    "Frontier": {
        "stays open": "crawlfleet_worker.frontier.seeds.StayOpen",
        "start() passes": "crawlfleet_worker.frontier.seeds.SeedGate",
    },
}

_ASYNCIO_REACTOR: Final = "twisted.internet.asyncioreactor.AsyncioSelectorReactor"


def apply_settings(settings: Settings, contract: Contract) -> None:
    """Put our defaults, the CR's settings and the reserved ones into the project's `settings`.

    WorkerExit 64 names a reserved setting that the CR sets.
    """
    _refuse_reserved(contract.settings)
    for name, value in DEFAULTS.items():
        settings.set(name, value, priority="default")
    settings.setdict(dict(contract.settings), priority="cmdline")
    settings.setdict(_ours(contract), priority="cmdline")
    _add_components(settings, _COMPONENTS[contract.engine])


def _refuse_reserved(names: Mapping[str, str]) -> None:
    for name in names:
        why = RESERVED.get(name)
        if why is None and name.startswith(RESERVED_PREFIX):
            why = "the engine sets up its scheduler; a project's settings.py may choose the queue class"
        if why is not None:
            message = f"CRAWLFLEET_SPIDER_SETTINGS: {name} is reserved: {why}. Remove it from spec.spider.settings"
            raise WorkerExit(ExitCode.CONTRACT_BROKEN, message)


def _ours(contract: Contract) -> dict[str, Any]:
    return _of_frontier(contract) if contract.engine == "Frontier" else _of_scrapy_redis(contract)


def _of_frontier(contract: Contract) -> dict[str, Any]:
    keys = StoreKeys(contract.job_uid)
    return {
        **_of_any(contract),
        "SCHEDULER": "crawlfleet_worker.frontier.scheduler.FrontierScheduler",
        "DUPEFILTER_CLASS": "crawlfleet_worker.frontier.scheduler.NoDupeFilter",
        "REDIS_START_URLS_KEY": contract.seeds.key or keys.seeds,
        "REDIS_ITEMS_KEY": keys.items,
    }


def _of_scrapy_redis(contract: Contract) -> dict[str, Any]:
    keys = JobKeys(contract.job_uid)
    return {
        **_of_any(contract),
        "SCHEDULER": "crawlfleet_worker.scheduler.SharedScheduler",
        "SCHEDULER_QUEUE_KEY": keys.requests,
        "SCHEDULER_DUPEFILTER_KEY": keys.dupefilter,
        "DUPEFILTER_CLASS": "crawlfleet_worker.scheduler.SharedDupeFilter",
        "REDIS_START_URLS_KEY": contract.seeds.key or keys.start_urls,
        "REDIS_ITEMS_KEY": keys.items,
    }


def _of_any(contract: Contract) -> dict[str, Any]:
    return {
        "SCHEDULER_PERSIST": True,
        "SCHEDULER_FLUSH_ON_START": False,
        "SCHEDULER_IDLE_BEFORE_CLOSE": 0,
        "REDIS_URL": contract.redis_url,
        "REDIS_PARAMS": {},
        "REDIS_DECODE_RESPONSES": False,
        "MAX_IDLE_TIME_BEFORE_CLOSE": 0,
        "TELNETCONSOLE_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,
        "TWISTED_REACTOR": _ASYNCIO_REACTOR,
    }


def _add_components(settings: Settings, components: Mapping[str, str]) -> None:
    """Add ours to the built-in components: a project's own EXTENSIONS and middlewares cannot push them out."""
    _extend(settings, "EXTENSIONS_BASE", {"crawlfleet_worker.counting.CountingExtension": 0})
    _extend(settings, "EXTENSIONS_BASE", {"crawlfleet_worker.items.ItemsExtension": 0})
    _extend(settings, "EXTENSIONS_BASE", {components["stays open"]: 0})
    # Outermost, next to the engine: what it has seen end, the engine has enqueued.
    _extend(settings, "SPIDER_MIDDLEWARES_BASE", {components["start() passes"]: -1000})
    # Innermost, next to the wire: it sees every attempt's exception, those retried later included.
    _extend(settings, "DOWNLOADER_MIDDLEWARES_BASE", {"crawlfleet_worker.counting.FailureCounter": 10000})


def _extend(settings: Settings, name: str, components: Mapping[str, int]) -> None:
    settings.set(name, {**dict(settings.getdict(name)), **components}, priority="cmdline")
