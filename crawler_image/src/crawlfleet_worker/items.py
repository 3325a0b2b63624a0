"""Where do items go? As JSON lines into the job's list in Redis, in batches, the newest only.

An item waits here for at most a second. Where the reply to a batch is lost the batch is pushed again, and where Redis
was started anew those that its file may have lost: at least once.
"""

import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable

import redis
from itemadapter import ItemAdapter
from scrapy import signals
from scrapy.crawler import Crawler

from crawlfleet_worker.backoff import Backoff
from crawlfleet_worker.clients import thread_client
from crawlfleet_worker.engine import session_of

BATCH_ITEMS = 100
BATCH_SECONDS = 1.0
LOST_SECONDS = 3.0
"""What Redis took in its last so many seconds may be missing after it was killed: `appendfsync everysec` writes the
file once a second and lets that wait for two where the disk is slow
(https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/)."""

logger = logging.getLogger(__name__)


class ItemStore:
    """Items on their way to Redis: added in the event loop, pushed by a thread of its own."""

    def __init__(self, url: str, key: str, newest: int) -> None:
        self._client = thread_client(url)
        self._key, self._newest = key, newest
        self._waiting: deque[str] = deque(maxlen=newest)
        self._batch: list[str] = []
        self._recent: deque[tuple[float, list[str]]] = deque()
        """Batches that Redis took within `LOST_SECONDS` of the last one, with their moments."""
        self._pushing = threading.Lock()
        self._added = self._stored = self._dropped = 0
        self.on_stored: Callable[[], None] = lambda: None
        """Called from the thread after each batch."""
        self._full, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="crawlfleet-items", daemon=True)

    @property
    def added(self) -> int:
        """How many items were given so far."""
        return self._added

    @property
    def stored(self) -> int:
        """Up to which of them everything is in Redis, or was dropped as more than the newest that are kept."""
        return self._stored + self._dropped

    @property
    def _unsent(self) -> int:
        return len(self._batch) + len(self._waiting)

    def start(self) -> None:
        """Begin to push."""
        self._thread.start()

    def add(self, line: str) -> None:
        """Keep one item until the next batch."""
        self._dropped += len(self._waiting) == self._newest
        self._waiting.append(line)
        self._added += 1
        if len(self._waiting) >= BATCH_ITEMS:
            self._full.set()

    def hurry(self) -> None:
        """Push what waits now: a page waits for it."""
        self._full.set()

    def push_again(self) -> None:
        """Push once more what a Redis that was started anew may have lost. RedisError where it does not take it."""
        with self._pushing:
            for _, batch in self._recent:
                self._push(batch)

    def finish(self, seconds: float) -> None:
        """Push what waits; give up, with a word in the log, after `seconds`."""
        deadline = time.monotonic() + seconds
        self._stop.set()
        self._full.set()
        if self._thread.is_alive():
            self._thread.join(seconds)
        while self._unsent and time.monotonic() < deadline:
            try:
                self._push_batch()
            except redis.RedisError:
                time.sleep(0.1)
        if self._unsent:
            logger.error("%d items could not be stored: Redis does not answer", self._unsent)

    def _run(self) -> None:
        backoff = Backoff(first=0.5, longest=5.0)
        pause = BATCH_SECONDS
        while not self._stop.is_set():
            self._full.wait(pause)
            self._full.clear()
            pause = BATCH_SECONDS
            try:
                while self._unsent:
                    self._push_batch()
                backoff.reset()
            except redis.RedisError as error:
                pause = backoff.next()
                logger.warning("Redis does not take items (%s): %d are kept", error, self._unsent)
                self._stop.wait(pause)

    def _push_batch(self) -> None:
        with self._pushing:
            while self._waiting and len(self._batch) < BATCH_ITEMS:
                self._batch.append(self._waiting.popleft())
            if not self._batch:
                return
            self._push(self._batch)
            self._keep(self._batch)
            self._stored += len(self._batch)
            self._batch = []
        self.on_stored()

    def _push(self, lines: list[str]) -> None:
        with self._client.pipeline(transaction=True) as pipe:
            pipe.rpush(self._key, *lines)
            pipe.ltrim(self._key, -self._newest, -1)
            pipe.execute()

    def _keep(self, lines: list[str]) -> None:
        now = time.monotonic()
        self._recent.append((now, lines))
        while self._recent[0][0] < now - LOST_SECONDS:
            self._recent.popleft()


class ItemsExtension:
    """Turns each scraped item into a JSON line for the store."""

    def __init__(self, store: ItemStore) -> None:
        self.store = store
        self._told = False
        self._encode = json.JSONEncoder(ensure_ascii=False, default=self._known).encode

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "ItemsExtension":
        """Connect to the signals of this crawler."""
        store = session_of(crawler).items
        if store is None:
            raise RuntimeError("the worker has no item store")
        extension = cls(store)
        crawler.signals.connect(extension.item_scraped, signal=signals.item_scraped)
        return extension

    def item_scraped(self, item: object) -> None:
        """Keep the item; what JSON does not know becomes text."""
        fields = item if type(item) is dict else ItemAdapter(item).asdict()
        self.store.add(self._encode(fields))

    def _known(self, value: object) -> object:
        """Return what JSON knows instead: the fields of an item within another, else text."""
        return ItemAdapter(value).asdict() if ItemAdapter.is_item(value) else self._text(value)

    def _text(self, value: object) -> str:
        if not self._told:
            self._told = True
            logger.warning(
                "Items have values of type %s, which JSON does not know: stored as text", type(value).__name__
            )
        return str(value)
