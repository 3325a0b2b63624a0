"""How a job's two stores come to be: the pace store with its policy, then sentinel and seeds in one transaction."""

import json
from collections.abc import Sequence
from contextlib import suppress

import redis.asyncio as redis

from crawlfleet import frontier_spec
from crawlfleet.crawl_state import SeedState
from crawlfleet.frontier_spec import Politeness
from crawlfleet.job import Job
from crawlfleet_frontier.pace import PaceKeys
from crawlfleet_frontier.pace import calls as pace
from crawlfleet_frontier.store import StoreKeys
from crawlfleet_frontier.store import calls as store


async def prepare(client: redis.Redis, job: Job, seed_state: SeedState, urls: Sequence[str]) -> None:
    """Put down the policy, then the sentinel and the inline seeds; a frontier that is there already is left alone.

    Seeds first and the sentinel after them, in one transaction that a sentinel put down meanwhile makes void: whoever
    dies in between leaves nothing, and whoever comes second adds nothing.
    """
    keys = StoreKeys(job.uid)
    await set_politeness(client, job, frontier_spec.politeness(job))
    async with client.pipeline(transaction=True) as pipeline:
        await pipeline.watch(keys.meta)
        if await pipeline.exists(keys.meta):
            return
        pipeline.multi()  # type: ignore[no-untyped-call]
        pipeline.delete(keys.seeds)
        if urls:
            pipeline.rpush(keys.seeds, *(json.dumps({"url": url}, ensure_ascii=False) for url in urls))
        pipeline.eval(*_create(job, keys, seed_state))  # type: ignore[arg-type]
        with suppress(redis.WatchError):  # another operator was quicker
            await pipeline.execute()


async def set_politeness(client: redis.Redis, job: Job, politeness: Politeness) -> None:
    """Give the pace store this policy; workers follow with their next exchange."""
    keys = PaceKeys(job.uid)
    overrides = [
        pace.Override(
            rule.pattern,
            pace.INHERITED if rule.delay_ms is None else rule.delay_ms,
            pace.INHERITED if rule.open_requests is None else rule.open_requests,
            rule.blocked,
        )
        for rule in politeness.overrides
    ]
    call = pace.policy(keys, politeness.version, politeness.delay_ms, politeness.open_requests, overrides)
    async with client.pipeline(transaction=True) as pipeline:
        pipeline.set(keys.robots_policy, politeness.robots_json)
        pipeline.eval(*call.eval_arguments())  # type: ignore[arg-type]
        await pipeline.execute()


def _create(job: Job, keys: StoreKeys, seed_state: SeedState) -> tuple[object, ...]:
    limits, bloom = frontier_spec.limits(job), frontier_spec.bloom(job)
    call = store.create(
        keys,
        seed_state="seeded" if seed_state == "seeded" else "unseeded",
        bloom_bits=bloom.bits if bloom else 0,
        bloom_hashes=bloom.hashes if bloom else 0,
        host_cap=limits.host_cap,
        stop_pages=limits.stop_pages,
        max_losses=limits.max_losses,
    )
    return call.eval_arguments()
