"""The worker's parts as small classes: a pacer that keeps each host's delay, robots.txt and jars in memory."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field

from scrapy import Request

from crawlfleet_frontier.client import clock
from crawlfleet_frontier.identity import host_of
from crawlfleet_worker.frontier.ports import HostBlocked, Jar, Outcome, RobotsEntry


@dataclass
class FakeSlot:
    host: str
    not_before: float = 0.0
    send_by: float = float("inf")
    ends: list = field(default_factory=list)
    ended: object = None
    valid: bool = True
    looks: int = 0

    def sent(self) -> bool:
        self.looks += 1
        return self.valid

    def used(self, first_byte_age: float, outcome: Outcome) -> None:
        self.ends.append((first_byte_age, outcome))
        if self.ended:
            self.ended(self)

    def unused(self) -> None:
        self.ends.append("unused")
        if self.ended:
            self.ended(self)


class FakePacer:
    """One open request per host, `delay` seconds after the first byte of the one before."""

    def __init__(self, delay: float = 0.0, blocked: tuple[str, ...] = ()) -> None:
        self.delay, self.blocked = delay, blocked
        self.slots: list[FakeSlot] = []
        self.asked: list[str] = []
        self.least: dict[tuple[str, str], float] = {}
        self.lapse_first = 0
        """So many slots have run out when they arrive."""
        self.fence_first = 0
        """So many slots turn out to be void when the request is about to be written."""
        self._next: dict[str, float] = defaultdict(float)
        self._free: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def slot(self, request: Request) -> FakeSlot:
        host = host_of(request.url)
        self.asked.append(request.url)
        if host in self.blocked:
            raise HostBlocked(host)
        await self._free[host].acquire()
        slot = FakeSlot(host, self._next[host], ended=self._end)
        if self.lapse_first:
            self.lapse_first -= 1
            slot.send_by = clock.now()
        if self.fence_first:
            self.fence_first -= 1
            slot.valid = False
        self.slots.append(slot)
        return slot

    def at_least(self, host: str, seconds: float, source: str) -> None:
        self.least[host, source] = seconds

    def _end(self, slot: FakeSlot) -> None:
        end = slot.ends[-1]
        if end != "unused":
            self._next[slot.host] = clock.now() - end[0] + self.delay
        self._free[slot.host].release()


class MemoryRobots:
    """What `RobotsStore` keeps for the fleet."""

    def __init__(self) -> None:
        self.entries: dict[str, tuple[str, bytes, float]] = {}
        self.claims: dict[str, float] = {}
        self.writes: list[tuple[str, str, bytes, float]] = []

    async def read(self, origin: str) -> RobotsEntry:
        status, text, until = self.entries.get(origin, ("unknown", b"", 0.0))
        if status != "unknown" and until > clock.now():
            return RobotsEntry(status, text, until - clock.now())
        if self.claims.get(origin, 0.0) > clock.now():
            return RobotsEntry("fetching", b"", self.claims[origin] - clock.now())
        return RobotsEntry("unknown", text)

    async def claim(self, origin: str, seconds: float) -> RobotsEntry:
        found = await self.read(origin)
        if found.status != "unknown":
            return found
        self.claims[origin] = clock.now() + seconds
        return RobotsEntry("yours", found.text)

    async def write(self, origin: str, status: str, text: bytes, seconds: float) -> None:
        self.writes.append((origin, status, text, seconds))
        self.claims.pop(origin, None)
        self.entries[origin] = (status, text, clock.now() + seconds)

    def run_out(self, origin: str) -> None:
        """Let the time of an entry pass."""
        status, text, _ = self.entries[origin]
        self.entries[origin] = (status, text, 0.0)


class MemoryJars:
    """What `JarStore` keeps for the job."""

    def __init__(self) -> None:
        self.jars: dict[str, Jar] = {}
        self.loads: list[str] = []
        self.saves: list[tuple[str, dict, list]] = []

    async def load(self, name: str) -> Jar:
        self.loads.append(name)
        return self.jars.get(name, Jar(0, {}))

    async def save(self, name: str, changed: dict, removed: list) -> int:
        self.saves.append((name, dict(changed), list(removed)))
        jar = self.jars.get(name, Jar(0, {}))
        kept = {key: value for key, value in jar.cookies.items() if key not in removed}
        self.jars[name] = Jar(jar.version + 1, {**kept, **changed})
        return self.jars[name].version
