"""What do these rooms want of the frontier's client?

The seam: the worker gives real parts that talk to Redis, tests give small classes. Times are seconds of
`crawlfleet_frontier.client.clock.now` (it counts sleep), which is not the event loop's clock.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol
from weakref import WeakKeyDictionary

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest

from crawlfleet_worker.frontier.jar_versions import JarVersions
from crawlfleet_worker.frontier.slots import Slots


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an answer says about the host's pace."""

    kind: Literal["success", "slow_down", "none"]
    retry_after: float = 0.0
    """Seconds that the server asked for with 429 or 503; 0 where it named none."""


class HostBlocked(IgnoreRequest):
    """The job's politeness blocks this host: nothing is sent to it. Raised by a Pacer."""


class Slot(Protocol):
    """The right to send one request to one host, between two moments. Ends with `used` or `unused`, once."""

    @property
    def host(self) -> str:
        """The host as `identity.host_of` writes it."""
        ...

    @property
    def not_before(self) -> float:
        """Nothing may be sent earlier (clock.now)."""
        ...

    @property
    def send_by(self) -> float:
        """Nothing may be sent at this moment or later (clock.now)."""
        ...

    def sent(self) -> bool:
        """Take the last look, right before the first byte is written: False where nothing may be sent any more.

        Called at most once. `used` follows where it was True, `unused` where it was False.
        """
        ...

    def used(self, first_byte_age: float, outcome: Outcome) -> None:
        """Say that a request was sent and its connection is free or closed.

        `first_byte_age`: seconds since the first byte of the answer, or since the socket closed without one (0).
        """
        ...

    def unused(self) -> None:
        """Say that nothing was sent and nothing will be."""
        ...


class Pacer(Protocol):
    """Gives slots by host name to requests that come without one."""

    async def slot(self, request: Request) -> Slot:
        """Wait for a slot of the request's host. Raises HostBlocked. A cancelled wait holds no slot."""
        ...

    def at_least(self, host: str, seconds: float, source: Literal["robots", "spider"]) -> None:
        """Keep this delay on the host, where the policy's is shorter. Replaces what the same source said before."""
        ...


RobotsStatus = Literal["ok", "allow", "disallow", "unknown", "fetching", "yours"]


@dataclass(frozen=True, slots=True)
class RobotsEntry:
    """What the fleet knows of one origin's robots.txt."""

    status: RobotsStatus
    """ok: the rules are in `text`; allow, disallow: everything; yours: this worker is to fetch it."""
    text: bytes = b""
    left: float = 0.0
    """Seconds until it runs out; for `fetching`: until the other worker's claim does."""


class RobotsStore(Protocol):
    """The fleet's memory of robots.txt, by origin (`https://example.org:8443`; without the scheme's own port)."""

    async def read(self, origin: str) -> RobotsEntry:
        """Return what is known."""
        ...

    async def claim(self, origin: str, seconds: float) -> RobotsEntry:
        """Return what is known; where nothing is, claim the fetch for so long (`yours`)."""
        ...

    async def write(self, origin: str, status: Literal["ok", "allow", "disallow"], text: bytes, seconds: float) -> None:
        """Write what the fetch said, for so long; the claim ends."""
        ...


@dataclass(frozen=True, slots=True)
class Jar:
    """A cookie jar as the store holds it."""

    version: int
    """Grows with every save; 0 where there is no such jar."""
    cookies: Mapping[str, str]
    """Field → cookie as JSON (`jars`)."""


class JarStore(Protocol):
    """The job's cookie jars."""

    async def load(self, name: str) -> Jar:
        """Return the jar with this name."""
        ...

    async def save(self, name: str, changed: Mapping[str, str], removed: Sequence[str]) -> int:
        """Write these cookies and take those away, in one step; return the jar's new version. Last write wins."""
        ...


@dataclass(frozen=True, slots=True)
class Wiring:
    """The parts of one worker that components built by Scrapy need."""

    pacer: Pacer
    slots: "Slots[Slot]"
    robots: RobotsStore
    jars: JarStore
    jar_versions: JarVersions = field(default_factory=JarVersions)
    obeys_robots: Callable[[str], bool] = lambda host: True
    """Whether the policy of this host says `robots: Obey`; asked for each request."""


_wirings: "WeakKeyDictionary[Crawler, Wiring]" = WeakKeyDictionary()


def wire(crawler: Crawler, wiring: Wiring) -> None:
    """Give the crawler's components their parts; to be called before the crawl begins."""
    _wirings[crawler] = wiring


def wiring_of(crawler: Crawler) -> Wiring:
    """Return what `wire` was given."""
    return _wirings[crawler]
