"""What a CrawlJob asks of `engine: Frontier`: politeness, limits, duplicate filter, replay. Spec in, values out."""

import hashlib
import json
import math
from dataclasses import dataclass
from typing import Any, Final, Literal

from crawlfleet.job import Job

Robots = Literal["Obey", "Ignore"]

DEFAULT_DELAY_MS: Final = 1000
DEFAULT_OPEN_REQUESTS: Final = 1
DEFAULT_WORKER_LOSSES: Final = 3
DEFAULT_ERRORS_PER_MILLION: Final = 1000
"""As in the CRD: its defaults are only on objects that have the field around them."""


@dataclass(frozen=True, slots=True)
class HostRule:
    """How one host, or all below `*.suffix`, is treated; None is the default's."""

    pattern: str
    delay_ms: int | None = None
    open_requests: int | None = None
    robots: Robots | None = None
    blocked: bool = False


@dataclass(frozen=True, slots=True)
class Politeness:
    """`spec.politeness`."""

    delay_ms: int
    open_requests: int
    robots: Robots
    overrides: tuple[HostRule, ...] = ()

    @property
    def version(self) -> str:
        """A name of exactly this policy, the same in every operator process."""
        rules = [(r.pattern, r.delay_ms, r.open_requests, r.robots, r.blocked) for r in self.overrides]
        text = json.dumps([self.delay_ms, self.open_requests, self.robots, sorted(rules, key=lambda rule: rule[0])])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def robots_json(self) -> str:
        """What workers read of robots.txt's meaning: {"default": "Obey", "overrides": {pattern: "Ignore"}}."""
        overrides = {rule.pattern: rule.robots for rule in self.overrides if rule.robots}
        return json.dumps({"default": self.robots, "overrides": overrides}, sort_keys=True)


@dataclass(frozen=True, slots=True)
class Limits:
    """What the frontier store is configured with; 0 is no bound."""

    host_cap: int = 0
    stop_pages: int = 0
    max_losses: int = DEFAULT_WORKER_LOSSES


@dataclass(frozen=True, slots=True)
class Bloom:
    """The size of a Bloom filter."""

    bits: int
    hashes: int


@dataclass(frozen=True, slots=True)
class Replay:
    """`spec.replay`; empty tuples let everything through."""

    token: str
    reasons: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


def politeness(job: Job) -> Politeness:
    """Return the policy of the pace store."""
    spec = job.spec.get("politeness") or {}
    default = spec.get("default") or {}
    return Politeness(
        delay_ms=int(default.get("delayMilliseconds", DEFAULT_DELAY_MS)),
        open_requests=int(default.get("maxConcurrentRequests", DEFAULT_OPEN_REQUESTS)),
        robots=default.get("robots", "Obey"),
        overrides=tuple(_rule(override) for override in spec.get("overrides") or ()),
    )


def limits(job: Job) -> Limits:
    """Return the bounds that may change while the job runs."""
    return Limits(
        host_cap=int(job.spec.get("maxRequestsPerHost") or 0),
        stop_pages=int((job.spec.get("stopAfter") or {}).get("pages") or 0),
        max_losses=int((job.spec.get("retries") or {}).get("maxWorkerLosses", DEFAULT_WORKER_LOSSES)),
    )


def bloom(job: Job) -> Bloom | None:
    """Return the size of the Bloom filter that capacity and errors ask for; None with an exact filter."""
    dedupe = job.spec.get("dedupe") or {}
    if dedupe.get("type", "Exact") != "Bloom":
        return None
    asked = dedupe["bloom"]
    return size_bloom(int(asked["capacity"]), int(asked.get("errorsPerMillion", DEFAULT_ERRORS_PER_MILLION)))


def size_bloom(capacity: int, errors_per_million: int) -> Bloom:
    """Return bits and hashes with which `capacity` entries give that many false positives in a million."""
    bits = math.ceil(-capacity * math.log(errors_per_million / 1e6) / math.log(2) ** 2)
    return Bloom(bits, max(1, round(bits / capacity * math.log(2))))


def replay(job: Job) -> Replay | None:
    """Return the replay that the spec asks for, done or not."""
    spec = job.spec.get("replay")
    if not spec:
        return None
    return Replay(str(spec["token"]), tuple(spec.get("reasons") or ()), tuple(spec.get("hosts") or ()))


def _rule(override: dict[str, Any]) -> HostRule:
    return HostRule(
        pattern=str(override["host"]),
        delay_ms=override.get("delayMilliseconds"),
        open_requests=override.get("maxConcurrentRequests"),
        robots=override.get("robots"),
        blocked=override.get("action") == "Block",
    )
