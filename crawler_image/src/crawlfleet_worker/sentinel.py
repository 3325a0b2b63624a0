"""Is the crawl prepared? A worker waits for the operator's sentinel before it touches any key of the job."""

import logging
import time
from typing import Any

import redis

from crawlfleet_frontier import JobKeys
from crawlfleet_frontier.keys import LAYOUT
from crawlfleet_worker.backoff import Backoff
from crawlfleet_worker.clients import ACCESS_DENIED, thread_client
from crawlfleet_worker.contract import Contract
from crawlfleet_worker.exits import ExitCode, WorkerExit

POLL_SECONDS = 0.5

logger = logging.getLogger(__name__)


def wait_for_sentinel(contract: Contract) -> bool:
    """Wait until the job is prepared and return whether it is seeded.

    Redis away is waited for, with a growing pause of at most 5 s. WorkerExit 77: Redis refuses us. WorkerExit
    78: the sentinel was written by an operator with another layout of the keys.
    """
    client, keys = thread_client(contract.redis_url), JobKeys(contract.job_uid)
    backoff, told = Backoff(first=POLL_SECONDS, longest=5.0), False
    while True:
        try:
            sentinel = _read(client, keys)
            if sentinel:
                _check_layout(sentinel)
                return sentinel.get("seed_state") == "seeded"
            backoff.reset()
            if not told:
                logger.info("Waiting for the operator to prepare the job (no %s yet)", keys.sentinel)
            told, pause = True, POLL_SECONDS
        except ACCESS_DENIED as error:
            raise access_denied(error) from None
        except redis.RedisError as error:
            pause = backoff.next()
            logger.warning("Redis does not answer (%s); next try in %.1f s", error, pause)
        time.sleep(pause)


def _read(client: redis.Redis, keys: JobKeys) -> dict[str, str]:
    fields: Any = client.hgetall(keys.sentinel)
    return {name.decode(): value.decode() for name, value in fields.items()}


def access_denied(error: Exception) -> WorkerExit:
    """Return the exit for a Redis that refuses us; Redis' own words name the cause."""
    message = f"Redis refuses us: {error}. Check the password (or the ACL of the user) in the Secret of the Redis URL"
    return WorkerExit(ExitCode.REDIS_ACCESS_DENIED, message)


def _check_layout(sentinel: dict[str, str]) -> None:
    layout = sentinel.get("layout", "")
    if layout != LAYOUT:
        message = (
            f"the job's keys have the layout {layout!r}, this worker image knows {LAYOUT!r}: "
            "use a worker image that fits the operator's version"
        )
        raise WorkerExit(ExitCode.LAYOUT_MISMATCH, message)
