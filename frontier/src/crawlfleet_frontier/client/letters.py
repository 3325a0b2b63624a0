"""Which requests were given up, why, and how do they get another chance?

    crawlfleet-dead-letters list --reason Timeout --host '*.example.org'
    crawlfleet-dead-letters replay --reason Timeout

The job comes from CRAWLFLEET_REDIS_URL and CRAWLFLEET_JOB_UID, as in a worker's container.
"""

import argparse
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

import redis
from redis.exceptions import RedisError

from crawlfleet_frontier import envelope
from crawlfleet_frontier.client.blocking import run
from crawlfleet_frontier.errors import BadInput, FrontierError
from crawlfleet_frontier.store import calls, replies
from crawlfleet_frontier.store.keys import StoreKeys

PAGE: Final = 500
"""Letters read, or replayed, in one call."""

COLUMNS: Final = ("TIME", "REASON", "LOSSES", "REQUEST", "ERROR")
WIDEST: Final = (20, 24, 6, 80, 80)


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter."""

    id: str
    """Its place in the stream; begins with the milliseconds since 1970 (Redis' clock)."""
    reason: str
    error: str
    host: str
    losses: int
    payload: bytes

    @property
    def time(self) -> datetime:
        """When the request was given up, by Redis' clock."""
        return datetime.fromtimestamp(int(self.id.partition("-")[0]) / 1000, UTC)

    @property
    def request(self) -> str:
        """Method (where it is not GET) and URL."""
        try:
            read = envelope.decode(self.payload)
        except BadInput:
            return f"(unreadable) {self.payload[:60]!r}"
        return read.url if read.method == "GET" else f"{read.method} {read.url}"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which letters are meant; empty is all of them."""

    reasons: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()
    """Host names, or `*.suffix` for all names below one."""

    def fits(self, letter: Letter) -> bool:
        """Whether this letter is meant."""
        return (not self.reasons or letter.reason in self.reasons) and (
            not self.hosts or any(_fits(letter.host, pattern) for pattern in self.hosts)
        )


ALL: Final = Filter()


def letters(client: "redis.Redis", keys: StoreKeys, wanted: Filter = ALL, after: str = "") -> Iterator[Letter]:
    """Yield the letters that are there now, oldest first, beginning behind the id `after`."""
    last = _newest(client, keys)
    while last:
        page = _page(client, keys, after, last)
        if not page:
            return
        yield from (letter for letter in page if wanted.fits(letter))
        after = page[-1].id


def replay(client: "redis.Redis", keys: StoreKeys, wanted: Filter = ALL) -> int:
    """Queue these letters again, their losses forgotten; return how many. What dies again meanwhile stays dead."""
    meant = letters(client, keys, wanted)
    replayed = 0
    while batch := [letter.id for letter in islice(meant, PAGE)]:
        replayed += replies.read_one(run(client, calls.replay(keys, batch)))
    return replayed


def _newest(client: "redis.Redis", keys: StoreKeys) -> str:
    newest: Any = client.xrevrange(keys.dead, count=1)
    return str(newest[0][0].decode()) if newest else ""


def _page(client: "redis.Redis", keys: StoreKeys, after: str, last: str) -> list[Letter]:
    entries: Any = client.xrange(keys.dead, f"({after}" if after else "-", last, count=PAGE)
    return [_letter(entry_id, fields) for entry_id, fields in entries]


def _letter(entry_id: bytes, fields: dict[bytes, bytes]) -> Letter:
    def text(name: bytes) -> str:
        return fields.get(name, b"").decode(errors="replace")

    losses = text(b"losses")
    payload = fields.get(b"payload", b"")
    return Letter(
        entry_id.decode(), text(b"reason"), text(b"error"), text(b"host"), int(losses) if losses else 0, payload
    )


def _fits(host: str, pattern: str) -> bool:
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern


def table(found: Iterable[Letter]) -> str:
    """Return the letters as aligned columns, newest last."""
    rows = [COLUMNS, *(_row(letter) for letter in found)]
    widths = [min(widest, max(len(row[n]) for row in rows)) for n, widest in enumerate(WIDEST)]
    return "\n".join(
        "  ".join(_fit(part, width) for part, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _row(letter: Letter) -> tuple[str, ...]:
    moment = letter.time.strftime("%Y-%m-%dT%H:%M:%SZ")
    return moment, letter.reason, str(letter.losses), letter.request, " ".join(letter.error.split())


def _fit(text: str, width: int) -> str:
    return text.ljust(width) if len(text) <= width else text[: width - 1] + "…"


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="crawlfleet-dead-letters", description="Dead letters of a crawl: list them, replay them."
    )
    parser.add_argument("verb", choices=["list", "replay"])
    parser.add_argument("--reason", action="append", default=[], help="only this reason (again for more)")
    parser.add_argument("--host", action="append", default=[], help="only this host, or *.suffix (again for more)")
    parser.add_argument("--limit", type=int, default=100, help="list at most so many (100)")
    parser.add_argument("--after", default="", help="list those behind this id: the next page")
    parser.add_argument("--redis-url", default=os.environ.get("CRAWLFLEET_REDIS_URL", ""))
    parser.add_argument("--job-uid", default=os.environ.get("CRAWLFLEET_JOB_UID", ""))
    found = parser.parse_args(argv)
    for option in ("redis_url", "job_uid"):
        if not getattr(found, option):
            name = option.upper()
            parser.error(f"set CRAWLFLEET_{name} or give --{option.replace('_', '-')}")
    return found


def _list(client: "redis.Redis", keys: StoreKeys, wanted: Filter, limit: int, after: str) -> str:
    found = list(islice(letters(client, keys, wanted, after), limit + 1))
    if not found:
        return "No dead letters" + (" that fit." if wanted != ALL else ".")
    more = f"\nMore: --after {found[limit - 1].id}" if len(found) > limit else ""
    return table(found[:limit]) + more


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    given = _arguments(sys.argv[1:] if argv is None else argv)
    wanted, keys = Filter(frozenset(given.reason), frozenset(given.host)), StoreKeys(given.job_uid)
    try:
        with redis.Redis.from_url(given.redis_url, socket_timeout=10) as client:
            if given.verb == "list":
                said = _list(client, keys, wanted, given.limit, given.after)
            else:
                said = f"{replay(client, keys, wanted)} requests are queued again."
    except (RedisError, FrontierError) as error:
        sys.stderr.write(f"crawlfleet-dead-letters: {type(error).__name__}: {error}\n")
        return 1
    sys.stdout.write(said + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
