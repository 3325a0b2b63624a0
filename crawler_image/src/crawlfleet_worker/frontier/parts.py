"""What does one worker of `engine: Frontier` stand on, and with which settings does its Scrapy run?

Built before the crawl, without a call to Redis: the client, the connection for jars and start URLs, and the wiring of
the components that Scrapy builds.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final
from weakref import WeakKeyDictionary

import redis.asyncio
from scrapy.crawler import Crawler
from scrapy.settings import BaseSettings

from crawlfleet_frontier.client import FrontierClient, Lease
from crawlfleet_frontier.client import Settings as ClientSettings
from crawlfleet_frontier.envelope import FrontierRequest
from crawlfleet_frontier.pace.keys import PaceKeys
from crawlfleet_frontier.store.keys import StoreKeys
from crawlfleet_worker.exits import ExitCode, WorkerExit
from crawlfleet_worker.frontier.components import middlewares
from crawlfleet_worker.frontier.gateway import ClientPacer, Delays, FleetRobots
from crawlfleet_worker.frontier.jars import RedisJars
from crawlfleet_worker.frontier.own_pace import OPEN_REQUESTS, pacing_settings
from crawlfleet_worker.frontier.ports import Wiring, wire
from crawlfleet_worker.frontier.robots_modes import RobotsModes
from crawlfleet_worker.frontier.sending import missing_names
from crawlfleet_worker.frontier.slots import Slots
from crawlfleet_worker.session import Session

AFTER_TIMEOUT: Final = 5.0
"""Seconds that a socket may outlive the download time-out."""

AHEAD_PER_REQUEST: Final = 4
"""Slots and requests taken ahead for each that may be open: a worker of few leaves the others their share of a host."""

MOST_AHEAD: Final = 64

logger = logging.getLogger(__name__)


def _nothing(*_: object) -> None:
    """Do nothing: nobody listens yet."""


@dataclass(slots=True)
class Parts:
    """The parts of one worker. The scheduler puts its listeners in when it is built."""

    client: FrontierClient
    redis: "redis.asyncio.Redis"
    keys: StoreKeys
    robots_modes: RobotsModes
    delays: Delays = field(default_factory=Delays)
    ready: Callable[[], None] = _nothing
    lost: Callable[[Sequence[Lease]], None] = _nothing
    failed: Callable[[Exception], None] = _nothing

    def heard(self) -> None:
        """Follow the policy, and hand out what is ready."""
        self.robots_modes.follow(self.client.policy_version)
        self.ready()


_parts: "WeakKeyDictionary[Crawler, Parts]" = WeakKeyDictionary()


def parts_of(crawler: Crawler) -> Parts:
    """Return what `equip` built."""
    return _parts[crawler]


def equip(crawler: Crawler, session: Session) -> Parts:
    """Build the parts of this crawler, and change its settings so that pace, robots.txt and cookies are the fleet's."""
    check_names()
    _apply(crawler)
    settings = crawler.settings
    contract = session.contract
    connection = redis.asyncio.Redis.from_url(contract.redis_url, protocol=2)
    parts = Parts(
        _client(session, settings, lambda: _parts[crawler]),
        connection,
        StoreKeys(contract.job_uid),
        RobotsModes(connection, PaceKeys(contract.job_uid).robots_policy, without_policy=obeys(settings)),
    )
    _parts[crawler] = parts
    session.counts = parts.client.counts
    wire(
        crawler,
        Wiring(
            ClientPacer(parts.client, parts.delays),
            Slots(),
            FleetRobots(parts.client),
            RedisJars(parts.redis, contract.job_uid),
            obeys_robots=parts.robots_modes.obeys,
        ),
    )
    return parts


def check_names() -> None:
    """WorkerExit 68 where this aiohttp lacks a name that keeping the pace needs."""
    missing = missing_names()
    if missing:
        message = f"this aiohttp has no {', '.join(missing)}: pin aiohttp to a version that the worker supports"
        raise WorkerExit(ExitCode.UNSUPPORTED_SCRAPY, message)


def obeys(settings: BaseSettings) -> bool:
    """Whether robots.txt is obeyed where no operator wrote a policy: yes, unless the project says otherwise."""
    chosen = (settings.getpriority("ROBOTSTXT_OBEY") or 0) > 0
    return settings.getbool("ROBOTSTXT_OBEY") if chosen else True


def _apply(crawler: Crawler) -> None:
    pace = pacing_settings(crawler.settings, crawler.spidercls)
    if pace.warning:
        logger.warning("%s", pace.warning)
    crawler.settings.setdict(dict(pace.values), priority="cmdline")
    crawler.settings.set("DOWNLOADER_MIDDLEWARES", middlewares(crawler.settings), priority="cmdline")


def _client(session: Session, settings: BaseSettings, parts: Callable[[], Parts]) -> FrontierClient:
    contract, concurrency = session.contract, settings.getint("CONCURRENT_REQUESTS") or OPEN_REQUESTS
    return FrontierClient(
        contract.redis_url,
        contract.job_uid,
        contract.pod_uid,
        settings=ClientSettings(
            concurrency=concurrency,
            ahead=min(MOST_AHEAD, AHEAD_PER_REQUEST * concurrency),
            open_seconds=min(3600.0, settings.getfloat("DOWNLOAD_TIMEOUT") + AFTER_TIMEOUT),
        ),
        fingerprint=_later,
        on_lost=lambda leases: parts().lost(leases),
        on_ready=lambda: parts().heard(),
        on_failed=lambda error: parts().failed(error),
        on_restart=lambda: _items_again(session),
        state=session.state,
    )


async def _items_again(session: Session) -> None:
    """Store the last items again, before pages that they are of count as done."""
    if session.items is not None:
        await asyncio.to_thread(session.items.push_again)


def _later(_request: FrontierRequest) -> bytes:
    """Stand in for a fingerprint: Scrapy's own is taken where it is needed (`Admitting.id_of_parent`)."""
    return bytes(8)
