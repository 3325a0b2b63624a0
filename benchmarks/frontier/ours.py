"""Our side of each figure: the scripts as a worker calls them, without a worker around them."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Final

import redis

from benchmarks.frontier.links import Link
from crawlfleet_frontier.calls import ScriptCall
from crawlfleet_frontier.pace import calls as pace
from crawlfleet_frontier.pace import replies as pace_replies
from crawlfleet_frontier.pace.keys import PaceKeys
from crawlfleet_frontier.store import calls as store
from crawlfleet_frontier.store import replies as store_replies
from crawlfleet_frontier.store.keys import StoreKeys

EPOCH: Final = "bench:1"
SLOTS: Final = 64
"""Requests a worker has open: what one lease brings and one settle ends."""


class Frontier:
    """One job with one worker; no delay, so that only the work is measured."""

    def __init__(self, client: redis.Redis, *, delay_ms: int = 0, open_requests: int = 64) -> None:
        self._client = client
        self._store, self._pace = StoreKeys("bench"), PaceKeys("bench")
        self._store_number = self._pace_number = 0
        self._done: list[str] = []
        self._closes: list[pace.Close] = []
        self._idles: list[pace.HostSerial] = []
        self._send(store.create(self._store))
        self._send(store.join(self._store, EPOCH))
        self._send(pace.policy(self._pace, "1", delay_ms, open_requests))

    def push(self, links: Sequence[Link]) -> int:
        """Admit the links of one page; return how many were new."""
        return self.push_requests([store.PushRequest(link.id, link.host, 3, link.url.encode()) for link in links])

    def push_requests(self, requests: Sequence[store.PushRequest]) -> int:
        """Admit requests in one call; return how many were new."""
        return store_replies.read_push(self._numbered_store(store.push(self._store, requests))).admitted

    def take(self, wanted: int = SLOTS) -> int:
        """Take slots and lease requests for them; return how many there were.

        What went before is ended as a worker ends it: slots by the exchange that takes the next ones, leases by the
        call that brings the next ones.
        """
        granted = self._exchange(pace.Take(64, wanted), self._closes, idles=self._idles)
        hosts = [(grant.host, grant.slots) for grant in granted.grants]
        leased = store_replies.read_lease(self._numbered_store(store.lease(self._store, hosts, done=self._done)))
        self._done = [each.token for each in leased.grants]
        self._closes = [pace.Close(grant.token, 0, pace.Outcome.SUCCESS) for grant in granted.grants]
        self._idles = [pace.HostSerial(*each) for each in leased.empty]
        return len(leased.grants)

    def wake_all(self) -> None:
        """Tell the pace store which hosts have work, as workers do on the way."""
        while wakes := store_replies.read_lease(self._numbered_store(store.lease(self._store, []))).wakes:
            self._exchange(wants=[pace.HostSerial(*each) for each in wakes])
            self._send(store.woken(self._store, wakes))

    def _exchange(
        self,
        take: pace.Take = pace.NOTHING,
        closes: Iterable[pace.Close] = (),
        wants: Iterable[pace.HostSerial] = (),
        idles: Iterable[pace.HostSerial] = (),
    ) -> pace_replies.ExchangeReply:
        self._pace_number += 1
        said = pace.Exchange("", 10, 30_000, take, closes, (), wants, idles)
        return pace_replies.read_exchange(self._send(pace.exchange(self._pace, EPOCH, self._pace_number, said)))

    def _numbered_store(self, call: ScriptCall) -> bytes:
        self._store_number += 1
        return self._send(call.numbered(EPOCH, self._store_number))

    def _send(self, call: ScriptCall) -> bytes:
        client: Any = self._client
        try:
            reply: bytes = client.evalsha(*call.evalsha_arguments())
        except redis.exceptions.NoScriptError:
            reply = client.eval(*call.eval_arguments())
        return reply


def random_ids(count: int, seed: int) -> Iterable[str]:
    """Yield 64-bit ids as fingerprints have them: without order."""
    for number in range(count):
        digest = hashlib.blake2b(f"{seed}:{number}".encode(), digest_size=8).digest()
        yield str(int.from_bytes(digest, "big", signed=True))
