"""How does the operator know that this worker lives, and what it did?

A beat each second, from a thread of its own.

A busy or blocked event loop does not silence it. A beat whose reply is lost is sent again with the same
sequence number and the same increments until Redis answers, so nothing is counted twice; later increments
wait their turn.
"""

import logging
import threading
import time
from dataclasses import dataclass

import redis

from crawlfleet_frontier import commands
from crawlfleet_worker.backoff import Backoff
from crawlfleet_worker.clients import ACCESS_DENIED, thread_client
from crawlfleet_worker.counts import Counts
from crawlfleet_worker.exits import ExitCode
from crawlfleet_worker.sentinel import access_denied
from crawlfleet_worker.session import Session

BEAT_SECONDS = 1.0
DENIED_SECONDS = 10.0
"""So long may Redis refuse us (its users may be loaded after its restart) before the worker ends."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Pending:
    sequence: int
    increments: dict[str, int]


class Heartbeat:
    """The beats of one worker."""

    def __init__(self, session: Session, client: redis.Redis | None = None) -> None:
        if not isinstance(session.counts, Counts):
            raise TypeError("these beats belong to engine: ScrapyRedis")
        self._session, self._counts = session, session.counts
        self._client = client or thread_client(session.contract.redis_url)
        self._sequence = 0
        self._pending: _Pending | None = None
        self._told_no_sentinel = False
        self._denied_since: float | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="crawlfleet-heartbeat", daemon=True)

    def start(self) -> None:
        """Begin to beat."""
        self._thread.start()

    def beat(self) -> bool:
        """Send one beat, and say whether Redis took its state: of a repeat it keeps the older one.

        Raises redis.RedisError, and keeps everything for the next.
        """
        if self._pending is None:
            self._pending = _Pending(self._sequence + 1, self._counts.take())
        call = commands.beat(
            self._session.keys,
            self._session.worker_id,
            self._pending.sequence,
            self._session.state(),
            self._pending.increments,
            seeded=self._session.start_enqueued,
        )
        reply = self._client.eval(*call.arguments())  # type: ignore[arg-type]
        self._answered(reply, self._pending)
        return bool(reply != commands.BEAT_REPEATED)

    def finish(self, seconds: float) -> None:
        """Send what is not yet confirmed and take our field out of the workers hash, within `seconds`."""
        deadline = time.monotonic() + seconds
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(seconds)
        while time.monotonic() < deadline:
            try:
                if self._pending is not None:
                    self.beat()
                self.beat()
                self._sign_off()
            except redis.RedisError:
                time.sleep(0.1)
            else:
                return
        logger.error("The last beat did not arrive: Redis does not answer")

    def _sign_off(self) -> None:
        self._client.hdel(self._session.keys.workers, self._session.worker_id)
        if self._session.claims:
            self._client.hdel(self._session.keys.claims, *self._session.claims)

    def _answered(self, reply: object, pending: _Pending) -> None:
        self._pending = None
        if reply == commands.BEAT_WITHOUT_SENTINEL:
            self._counts.put_back(pending.increments)
            if not self._told_no_sentinel:
                logger.error("The sentinel %s is gone: was Redis emptied?", self._session.keys.sentinel)
            self._told_no_sentinel = True
        else:
            self._sequence = pending.sequence
            self._told_no_sentinel = False

    def _run(self) -> None:
        backoff, pause, away = Backoff(first=0.5, longest=5.0), 0.0, False
        while not self._stop.wait(pause):
            try:
                fresh = self.beat()
            except ACCESS_DENIED as error:
                pause = backoff.next()
                self._denied(error)
            except redis.RedisError as error:
                pause = backoff.next()
                if not away:
                    logger.warning("Redis does not answer the beat (%s)", error)
                away = True
            else:
                backoff.reset()
                pause, away, self._denied_since = BEAT_SECONDS if fresh else 0.0, False, None

    def _denied(self, error: Exception) -> None:
        now = time.monotonic()
        self._denied_since = self._denied_since or now
        if now - self._denied_since >= DENIED_SECONDS:
            self._session.end_with(ExitCode.REDIS_ACCESS_DENIED, access_denied(error).message)
