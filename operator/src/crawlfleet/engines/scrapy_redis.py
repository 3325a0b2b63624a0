"""`engine: ScrapyRedis`: scrapy-redis' own queue and duplicate filter, our sentinel, counters and beats beside them."""

from collections.abc import Sequence
from typing import Any

import redis.asyncio as redis

from crawlfleet.actions import DropKeys, ForgetWorkers, PrepareFrontier, RedisWrite
from crawlfleet.crawl_state import CrawlState
from crawlfleet.engines import Question
from crawlfleet.job import Job
from crawlfleet_frontier import Snapshot, commands
from crawlfleet_frontier.keys import LAYOUT
from crawlfleet_frontier.snapshot import read_snapshot


class ScrapyRedis:
    """Speaks to the keys of `crawlfleet_frontier.keys`."""

    def questions(self, job: Job) -> Sequence[Question]:  # noqa: D102
        text, *arguments = commands.snapshot(job.keys, job.seed_key).arguments()
        return (Question(str(text), tuple(arguments)),)

    def read(self, job: Job, answers: Sequence[Any]) -> CrawlState:  # noqa: D102
        (answer,) = answers
        if isinstance(answer, Exception):
            raise answer
        return state_of(read_snapshot(answer))

    async def write(self, client: redis.Redis, job: Job, action: RedisWrite) -> bool:  # noqa: D102
        match action:
            case PrepareFrontier(seed_state, urls):
                call = commands.prepare(job.keys, "seeded" if seed_state == "seeded" else "unseeded", urls)
                await client.eval(*call.arguments())  # type: ignore[arg-type]
            case ForgetWorkers(worker_ids):
                await client.hdel(job.keys.workers, *worker_ids)
            case DropKeys():
                await client.unlink(*job.keys.all())
        return True

    def forget(self, uid: str) -> None:  # noqa: D102
        pass


def state_of(snapshot: Snapshot) -> CrawlState:
    """Return what the snapshot says."""
    return CrawlState(
        layout=snapshot.sentinel.get("layout", "") if snapshot.intact else None,
        expected_layout=LAYOUT,
        seed_state="seeded" if snapshot.seeded else "unseeded",
        started=snapshot.started,
        queued=snapshot.queued,
        start_urls=snapshot.start_urls,
        in_flight=snapshot.in_flight,
        done=snapshot.done,
        seen=snapshot.seen,
        items=snapshot.items,
        counters=snapshot.counters,
        workers=snapshot.workers,
    )
