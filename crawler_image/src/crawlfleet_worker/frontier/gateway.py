"""How do the rooms of this package reach the frontier's client: its slots, and the fleet's memory of robots.txt?"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Literal, TypeVar

from scrapy import Request

from crawlfleet_frontier.client import FrontierClient, HostBlockedError, clock
from crawlfleet_frontier.client import Slot as ClientSlot
from crawlfleet_frontier.errors import Fenced
from crawlfleet_frontier.identity import host_of
from crawlfleet_frontier.pace.calls import UNCHANGED, RobotsClaim, RobotsWrite
from crawlfleet_frontier.pace.calls import Outcome as PaceOutcome
from crawlfleet_frontier.pace.replies import RobotsAnswer
from crawlfleet_worker.frontier.ports import HostBlocked, Outcome, RobotsEntry

AGAIN_SECONDS: Final = 0.1
_OUTCOMES: Final = {
    "none": PaceOutcome.NONE,
    "success": PaceOutcome.SUCCESS,
    "slow_down": PaceOutcome.SLOW_DOWN,
}

Reply = TypeVar("Reply")


async def lasting(call: Callable[[], Awaitable[Reply]]) -> Reply:
    """Ask until it is answered: this worker may be fenced meanwhile, and asks again under its new epoch."""
    while True:
        try:
            return await call()
        except Fenced:
            pass
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
        await asyncio.sleep(AGAIN_SECONDS)


class Delays:
    """The delay that robots.txt and the spider want on each host; the pace store hears of it with the next slot."""

    def __init__(self) -> None:
        self._wanted: dict[str, dict[str, float]] = {}
        self._told: dict[str, int] = {}

    def at_least(self, host: str, seconds: float, source: str) -> None:
        """Keep what one source wants on the host."""
        self._wanted.setdefault(host, {})[source] = seconds

    def to_tell(self, host: str) -> int:
        """Return the host's delay in ms where the store was told of another one; else UNCHANGED."""
        wanted = self._wanted.get(host)
        if not wanted:
            return UNCHANGED
        delay = round(max(wanted.values()) * 1000)
        if self._told.get(host) == delay:
            return UNCHANGED
        self._told[host] = delay
        return delay

    def forget_told(self) -> None:
        """Tell all again: what was under way may be lost."""
        self._told.clear()


class LeasedSlot:
    """A slot of the client as the download handler wants it."""

    def __init__(self, client: FrontierClient, slot: ClientSlot, delays: Delays) -> None:
        self._client, self._slot, self._delays = client, slot, delays

    @property
    def host(self) -> str:
        """The host that may be asked."""
        return self._slot.host

    @property
    def not_before(self) -> float:
        """Nothing may be sent earlier."""
        return self._slot.grant.not_before

    @property
    def send_by(self) -> float:
        """Nothing may be sent at this moment or later."""
        return self._slot.grant.send_by

    def sent(self) -> bool:
        """Take the last look before the first byte is written."""
        return self._client.sent(self._slot)

    def used(self, first_byte_age: float, outcome: Outcome) -> None:
        """Say that a request was sent and its connection is free or closed."""
        self._client.closed(
            self._slot,
            first_byte=clock.now() - first_byte_age,
            outcome=_OUTCOMES[outcome.kind],
            retry_after_ms=round(outcome.retry_after * 1000),
            crawl_delay_ms=self._delays.to_tell(self.host),
        )

    def unused(self) -> None:
        """Say that nothing was sent."""
        self._client.closed(self._slot)


class ClientPacer:
    """Slots by host name, for requests that come without one."""

    def __init__(self, client: FrontierClient, delays: Delays) -> None:
        self._client, self._delays = client, delays

    async def slot(self, request: Request) -> LeasedSlot:
        """Wait for a slot of the request's host. Raises HostBlocked."""
        host = host_of(request.url)
        try:
            slot = await lasting(lambda: self._client.slot(host))
        except HostBlockedError as error:
            raise HostBlocked(str(error)) from None
        return LeasedSlot(self._client, slot, self._delays)

    def at_least(self, host: str, seconds: float, source: Literal["robots", "spider"]) -> None:
        """Keep this delay on the host, where the policy's is shorter."""
        self._delays.at_least(host, seconds, source)


class FleetRobots:
    """The pace store's memory of robots.txt."""

    def __init__(self, client: FrontierClient) -> None:
        self._client = client

    async def read(self, origin: str) -> RobotsEntry:
        """Return what is known."""
        return _entry(await lasting(lambda: self._client.robots(reads=[origin])))

    async def claim(self, origin: str, seconds: float) -> RobotsEntry:
        """Return what is known; where nothing is, claim the fetch for so long."""
        claim = RobotsClaim(origin, round(seconds * 1000))
        return _entry(await lasting(lambda: self._client.robots(claims=[claim])))

    async def write(self, origin: str, status: Literal["ok", "allow", "disallow"], text: bytes, seconds: float) -> None:
        """Write what the fetch said, for so long."""
        write = RobotsWrite(origin, status, text, round(seconds * 1000))
        await lasting(lambda: self._client.robots(writes=[write]))


def _entry(answers: tuple[RobotsAnswer, ...]) -> RobotsEntry:
    found = answers[0]
    return RobotsEntry(found.status, found.text, found.left_ms / 1000)
