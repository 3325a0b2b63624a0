"""Which Redis keys belong to one CrawlJob.

Every key carries the CrawlJob's UID, so two jobs never collide, and carries it as a hash tag, so that all keys of a
job live in one slot of a Redis Cluster and one script may touch them all.
"""

from dataclasses import dataclass

LAYOUT = "scrapy-redis/1"
"""The version of this layout, kept in the sentinel. A worker or operator that finds another one writes nothing."""


@dataclass(frozen=True, slots=True)
class JobKeys:
    """The keys of the job with this UID."""

    uid: str

    def _key(self, name: str) -> str:
        return f"crawlfleet:{{{self.uid}}}:{name}"

    @property
    def sentinel(self) -> str:
        """HASH uid, layout, seed_state (unseeded | seeded), created_at, first_beat_at: proof that this is our crawl.

        Gone means that Redis was emptied, and zeros mean nothing any more.
        """
        return self._key("sentinel")

    @property
    def requests(self) -> str:
        """scrapy-redis' request queue: a ZSET or a LIST, as the queue class of the spider's settings wants."""
        return self._key("requests")

    @property
    def dupefilter(self) -> str:
        """SET: scrapy-redis' fingerprints of the requests seen."""
        return self._key("dupefilter")

    @property
    def start_urls(self) -> str:
        """LIST of JSON objects `{"url": …}`: seeds that no worker has taken yet."""
        return self._key("start_urls")

    @property
    def items(self) -> str:
        """LIST of JSON objects, newest last: the scraped items, bounded by the worker."""
        return self._key("items")

    @property
    def counters(self) -> str:
        """HASH name → integer: what all workers of the job did so far, summed (names: `counters.py`)."""
        return self._key("counters")

    @property
    def workers(self) -> str:
        """HASH worker id → `seconds|sequence|json`: the last beat of each worker, dated by Redis' clock."""
        return self._key("workers")

    @property
    def claims(self) -> str:
        """HASH claim → what that worker took last (`take.lua`): the answer to a take whose reply was lost."""
        return self._key("claims")

    def all(self) -> tuple[str, ...]:
        """Every key of the job: what a deletion has to remove."""
        return (
            self.sentinel,
            self.requests,
            self.dupefilter,
            self.start_urls,
            self.items,
            self.counters,
            self.workers,
            self.claims,
        )
