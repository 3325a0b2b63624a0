"""May this page be fetched? Scrapy's robots.txt middleware, with one fetch per origin and fleet in 24 hours.

It takes the place of Scrapy's (same settings, signal and stats) and differs in three ways: by origin instead of host
and port; 5xx and an unreachable server forbid everything, and the page waits for the next try instead of being lost;
whether a host's robots.txt is obeyed is the policy's (`spec.politeness`), asked for each request.
"""

import asyncio
import logging
from collections import OrderedDict, defaultdict
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, Final

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest
from scrapy.robotstxt import RobotParser
from scrapy.utils.httpobj import urlparse_cached
from scrapy.utils.misc import build_from_crawler, load_object

from crawlfleet_frontier.client import clock
from crawlfleet_frontier.identity import host_of
from crawlfleet_worker.frontier.ports import RobotsEntry, wiring_of
from crawlfleet_worker.frontier.robots_fetch import fetch, origin_of

DAY: Final = 86_400.0
CLAIM_SECONDS: Final = 300.0
"""How long another worker waits for the one that fetches, before it does so itself."""

LOOK_AGAIN_SECONDS: Final = 5.0
"""A page whose robots.txt another worker is fetching comes again after this."""

LONGEST_WAIT_MINUTES: Final = 60
MOST_ORIGINS: Final = 2000
"""Origins remembered in memory; what falls out is read from the store again."""

_ROBOTS_SIGNAL: Final = getattr(signals, "robots_parsed", None)  # since Scrapy 2.18

logger = logging.getLogger(__name__)


class RobotsUnavailable(Exception):  # noqa: N818 - the page waits, nothing failed
    """Nobody may say yet whether the page is allowed: it is to be tried again, without an attempt counted."""

    def __init__(self, origin: str, again_in: float, why: str) -> None:
        super().__init__(f"robots.txt of {origin}: {why}; again in {again_in:.0f} s")
        self.origin = origin
        self.again_in = again_in
        """Seconds."""


@dataclass(frozen=True, slots=True)
class _Rules:
    """What is known of an origin until a moment (clock.now)."""

    until: float
    parser: RobotParser | None = None
    """None allows everything."""
    wait: str = ""
    """Why nothing is allowed before `until`."""


def _is_web(request: Request) -> bool:
    return request.url.startswith(("http://", "https://")) or urlparse_cached(request).scheme in ("http", "https")


class FleetRobotsMiddleware:
    """Downloader middleware; stands where Scrapy's RobotsTxtMiddleware stood."""

    def __init__(self, crawler: Crawler) -> None:
        wiring = wiring_of(crawler)
        self._crawler, self._pacer, self._slots = crawler, wiring.pacer, wiring.slots
        self._store, self._obeys = wiring.robots, wiring.obeys_robots
        self._default_agent: str = crawler.settings["USER_AGENT"]
        self._agent: str | None = crawler.settings["ROBOTSTXT_USER_AGENT"]
        self._parser_class = load_object(crawler.settings["ROBOTSTXT_PARSER"])
        self._parse(b"")  # a parser whose package is missing says so now
        self._known: OrderedDict[str, _Rules] = OrderedDict()
        self._asking: dict[str, asyncio.Task[_Rules]] = {}
        self._failures: dict[str, int] = {}
        self._delays: defaultdict[str, dict[str, float]] = defaultdict(dict)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "FleetRobotsMiddleware":
        """Build the middleware from the crawler's settings and wiring."""
        return cls(crawler)

    def process_request(self, request: Request) -> Awaitable[None] | None:
        """Let the request pass. IgnoreRequest: forbidden; RobotsUnavailable: nobody knows yet."""
        if request.meta.get("dont_obey_robotstxt") or not _is_web(request):
            return None
        return self._ask_rules(request) if self._obeys(host_of(request.url)) else None

    async def _ask_rules(self, request: Request) -> None:
        origin = origin_of(request.url)
        rules = await self._rules(origin, request)
        if rules.wait:
            raise RobotsUnavailable(origin, max(0.0, rules.until - clock.now()), rules.wait)
        if rules.parser is not None and not rules.parser.allowed(request.url, self._agent_of(request)):
            logger.debug("Forbidden by robots.txt: %s", request, extra={"spider": self._crawler.spider})
            self._crawler.stats.inc_value("robotstxt/forbidden")
            raise IgnoreRequest("Forbidden by robots.txt")

    def _agent_of(self, request: Request) -> str | bytes:
        return self._agent or request.headers.get(b"User-Agent") or self._default_agent

    async def _rules(self, origin: str, request: Request) -> _Rules:
        known = self._known.get(origin)
        if known is not None and known.until > clock.now():
            self._known.move_to_end(origin)
            return known
        if origin in self._asking:
            self._slots.leave(request)  # the robots.txt may need it
        else:
            self._asking[origin] = asyncio.ensure_future(self._ask(origin, request))
        return await asyncio.shield(self._asking[origin])

    async def _ask(self, origin: str, request: Request) -> _Rules:
        try:
            entry, why = await self._store.claim(origin, CLAIM_SECONDS), "another worker could not read it"
            if entry.status == "yours":
                entry, why = await self._fetch(origin, request, entry.text)
            rules = await self._rules_of(origin, entry, why, request)
            self._remember(origin, rules)
            return rules
        finally:
            del self._asking[origin]

    async def _fetch(self, origin: str, request: Request, before: bytes) -> tuple[RobotsEntry, str]:
        """Fetch and write; `before` is the text of the entry that ran out: how often the origin failed in a row."""
        found = await fetch(self._crawler, origin, request, self._slots)
        text, seconds = found.text, DAY
        if found.status == "disallow":
            failures = 1 + max(self._failures.get(origin, 0), int(before) if before[:4].isdigit() else 0)
            self._failures[origin] = failures
            _bound(self._failures)
            text, seconds = b"%d" % failures, 60.0 * min(2 ** min(failures - 1, 10), LONGEST_WAIT_MINUTES)
        else:
            self._failures.pop(origin, None)
        await self._store.write(origin, found.status, text, seconds)
        return RobotsEntry(found.status, text, seconds), found.why

    async def _rules_of(self, origin: str, entry: RobotsEntry, why: str, request: Request) -> _Rules:
        until = clock.now() + entry.left
        if entry.status == "ok":
            return _Rules(until, await self._parsed(origin, entry.text, request))
        if entry.status == "allow":
            return _Rules(until)
        if entry.status == "disallow":
            return _Rules(until, wait=f"unreachable ({why})")
        return _Rules(clock.now() + min(entry.left, LOOK_AGAIN_SECONDS), wait="another worker is fetching it")

    async def _parsed(self, origin: str, text: bytes, request: Request) -> RobotParser:
        parser = self._parse(text)
        if _ROBOTS_SIGNAL is not None:
            await self._crawler.signals.send_catch_log_async(signal=_ROBOTS_SIGNAL, robotparser=parser, request=request)
        self._tell_delay(origin, _crawl_delay(parser, self._agent or self._default_agent))
        return parser

    def _parse(self, text: bytes) -> RobotParser:
        parser: RobotParser = build_from_crawler(self._parser_class, self._crawler, text)
        return parser

    def _tell_delay(self, origin: str, seconds: float) -> None:
        """Tell the pacer the longest Crawl-delay of the host's origins."""
        host = host_of(origin)
        if not seconds and host not in self._delays:
            return
        self._delays[host][origin] = seconds
        _bound(self._delays)
        self._pacer.at_least(host, max(self._delays[host].values()), "robots")

    def _remember(self, origin: str, rules: _Rules) -> None:
        self._known[origin] = rules
        self._known.move_to_end(origin)
        _bound(self._known)


def _bound(remembered: dict[str, Any]) -> None:
    """Forget the oldest entry where there are too many."""
    if len(remembered) > MOST_ORIGINS:
        del remembered[next(iter(remembered))]


def _crawl_delay(parser: RobotParser, agent: str) -> float:
    """Seconds; Scrapy before 2.18 has no such method, its default parser's own one is asked then."""
    asked = getattr(parser, "crawl_delay", None) or getattr(getattr(parser, "rp", None), "crawl_delay", None)
    delay = asked(agent) if asked is not None else None
    return max(0.0, float(delay)) if delay is not None else 0.0
