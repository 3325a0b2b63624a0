"""What ends a request's lease, once the request has left the engine?

Pure: what was noted of the request in, what the frontier's client is to be told out.
"""

from dataclasses import dataclass
from typing import Final, Literal

from scrapy.exceptions import CloseSpider, IgnoreRequest

from crawlfleet_worker.exits import last_line
from crawlfleet_worker.failures import kind_of
from crawlfleet_worker.frontier.ports import HostBlocked
from crawlfleet_worker.frontier.robots import RobotsUnavailable

Kind = Literal["done", "retry", "dead"]

GIVEN_UP: Final = frozenset({408, 429})
"""Statuses below 500 that Scrapy's retries give up on: no page came, as with 5xx."""

IGNORED: Final = "ignored"
"""Counter: requests that a middleware dropped (offsite, forbidden by robots.txt, too many redirects)."""

REASONS: Final = {
    "timeout": "Timeout",
    "dns": "Dns",
    "connection": "Connection",
    "tls": "Tls",
    "download": "Download",
}
"""Kind of a failed download (`failures.kind_of`) to the reason of its dead letter."""


@dataclass(slots=True)
class Facts:
    """What was seen of one request on its way through the engine."""

    status: int = 0
    """Of the response that reached the spider's side; 0 where none did."""
    failure: BaseException | None = None
    """Why the download failed."""
    called: bool = False
    """Whether a callback or an errback of the spider was called."""
    output: bool = False
    """Whether what it returned was taken: it did not raise."""
    error: BaseException | None = None
    """What the spider's code raised."""
    again: bool = False
    """Whether a downloader middleware wants the same request fetched again."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the lease ends."""

    kind: Kind
    reason: str = ""
    """Of a dead letter, one word."""
    error: str = ""
    delay_ms: int = 0
    """Of a retry."""
    counted: str = ""
    """A counter that grows by one."""


DONE: Final = Verdict("done")


def decide(facts: Facts) -> Verdict:
    """Return how the lease of a request with these facts ends."""
    if facts.error is not None:
        return _of_error(facts.error)
    if facts.again:
        return Verdict("retry")
    if facts.failure is not None:
        return _of_failure(facts.failure, handled=facts.called and facts.output)
    if not facts.called and (facts.status >= 500 or facts.status in GIVEN_UP):
        reason = "Http5xx" if facts.status >= 500 else f"Http{facts.status}"
        return Verdict("dead", reason, f"status {facts.status} after all retries")
    return DONE


def reason_of(failure: BaseException) -> str:
    """Return the reason of the dead letter of a failed download."""
    return REASONS[kind_of(failure)]


def _of_error(error: BaseException) -> Verdict:
    if isinstance(error, CloseSpider):
        return DONE
    return Verdict("dead", "SpiderError", last_line(error))


def _of_failure(failure: BaseException, *, handled: bool) -> Verdict:
    if isinstance(failure, RobotsUnavailable):
        return Verdict("retry", delay_ms=max(1000, int(failure.again_in * 1000)))
    if isinstance(failure, HostBlocked) and not handled:
        return Verdict("dead", "Blocked", str(failure))
    if isinstance(failure, IgnoreRequest):
        return Verdict("done", counted=IGNORED)
    if handled:
        return DONE
    return Verdict("dead", reason_of(failure), last_line(failure))
