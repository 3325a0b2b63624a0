"""scrapy-redis as the peer: its own scheduler parts with its own defaults, one call after the other, as it works.

`RFPDupeFilter` (a SET of 40 hexadecimal digits) and `PriorityQueue` (a ZSET of pickles) are what its README and its
example project set up; a crawl calls `enqueue_request` for each link and `next_request` for each page.
"""

from collections.abc import Iterable, Sequence

import redis
from scrapy import Request, Spider
from scrapy_redis.dupefilter import RFPDupeFilter
from scrapy_redis.queue import PriorityQueue

from benchmarks.frontier.links import Link

SEEN, QUEUE = "peer:dupefilter", "peer:requests"


class Peer:
    """The two structures of one scrapy-redis crawl."""

    def __init__(self, client: redis.Redis) -> None:
        self._seen = RFPDupeFilter(client, SEEN)
        self._queue = PriorityQueue(client, Spider(name="bench"), QUEUE)

    def enqueue(self, pages: Iterable[Sequence[Link]]) -> int:
        """Do what `Scheduler.enqueue_request` does for each link; return the number of links."""
        count = 0
        for page in pages:
            for link in page:
                request = Request(link.url)
                if not self._seen.request_seen(request):
                    self._queue.push(request)
                count += 1
        return count

    def see(self, links: Iterable[Link]) -> None:
        """Only the duplicate filter."""
        for link in links:
            self._seen.request_seen(Request(link.url))

    def queue(self, links: Iterable[Link]) -> None:
        """Only the queue."""
        for link in links:
            self._queue.push(Request(link.url))

    def take(self, count: int) -> int:
        """Pop requests one by one, as `next_request` does; return how many came."""
        return sum(1 for _ in range(count) if self._queue.pop() is not None)
