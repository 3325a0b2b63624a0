"""How do entries of a start URL key become requests, none lost and none doubled?

A batch is read without being taken; its requests are pushed and its entries removed in one script. A worker that dies
in between has changed nothing, and two workers that read the same batch push the same identities. So an entry that is
equal to an earlier one is the same seed, whenever it is written.
"""

import logging
from collections.abc import Iterable
from typing import Any, Final, cast

import redis.asyncio
from redis.exceptions import OutOfMemoryError
from scrapy import Request
from scrapy.crawler import Crawler

from crawlfleet_frontier import counters
from crawlfleet_frontier.errors import BadInput, Closed
from crawlfleet_frontier.store.calls import MOST_PUSH_BYTES, MOST_REQUESTS, PushRequest
from crawlfleet_worker.frontier.carrying import CannotCarry
from crawlfleet_worker.frontier.gateway import lasting
from crawlfleet_worker.frontier.holdings import Holdings
from crawlfleet_worker.seeds import request_from_seed

BATCH: Final = 100
"""Entries read at once."""

logger = logging.getLogger(__name__)


class KeyedSeeds:
    """Admits what the start URL key holds."""

    def __init__(self, crawler: Crawler, holdings: Holdings, client: "redis.asyncio.Redis", key: str) -> None:
        self._crawler, self._holdings, self._client, self._key = crawler, holdings, client, key

    async def feed(self) -> None:
        """Admit one batch. Raises redis.RedisError."""
        entries = await self._read()
        if entries:
            await self._push([request for entry in entries for request in self._made_of(entry)], entries)

    async def _read(self) -> list[bytes]:
        kind, found = await self._client.type(self._key), cast("Any", [])
        if kind == b"list":
            found = await self._client.lrange(self._key, 0, BATCH - 1)
        elif kind == b"set":
            found = await self._client.srandmember(self._key, BATCH)
        elif kind == b"zset":
            found = await self._client.zrevrange(self._key, 0, BATCH - 1)
        return list(found)

    async def _push(self, requests: list[PushRequest], entries: list[bytes]) -> None:
        """Admit them in as many calls as they need; the entries leave their key in the last of them."""
        client = self._holdings.client
        *first, last = batches(requests)
        try:
            for batch in first:
                await lasting(lambda batch=batch: client.push_seeds(batch, "", ()))  # type: ignore[misc]
            await lasting(lambda: client.push_seeds(last, self._key, entries))
        except (BadInput, Closed, OutOfMemoryError) as error:
            logger.warning("The start URLs in %r are not taken now: %s", self._key, error)

    def _made_of(self, entry: bytes) -> list[PushRequest]:
        """Return the requests of an entry; nothing but a word in the log where it makes none that can be carried."""
        try:
            return [self._admission(request) for request in self._requests(entry)]
        except (CannotCarry, BadInput) as error:
            logger.error("The start URL %r is left out: %s", entry[:200], error)
        except Exception:
            logger.exception("No request can be made of the start URL %r", entry[:200])
        self._holdings.client.counts.add(counters.labelled(counters.ERRORS, "spider"))
        return []

    def _admission(self, request: Request) -> PushRequest:
        request.meta.setdefault("is_start_request", True)
        self._holdings.lineage.seed(request, 0)
        admitting, origin = self._holdings.admitting, self._holdings.lineage.take_origin(request)
        return admitting.admission(request, origin, admitting.id_of(request, origin))

    def _requests(self, entry: bytes) -> Iterable[Request]:
        make = getattr(self._crawler.spider, "make_request_from_data", None)
        if make is None:
            return [request_from_seed(entry)]
        made: Any = make(entry)
        return [made] if isinstance(made, Request) else made or ()


def batches(requests: list[PushRequest]) -> list[list[PushRequest]]:
    """Cut requests into what one push takes; one empty batch where there are none."""
    found: list[list[PushRequest]] = [[]]
    room = MOST_PUSH_BYTES
    for request in requests:
        if len(found[-1]) == MOST_REQUESTS or (found[-1] and room < len(request.payload)):
            found.append([])
            room = MOST_PUSH_BYTES
        found[-1].append(request)
        room -= len(request.payload)
    return found
