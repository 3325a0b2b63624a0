"""`engine: Frontier`: the frontier store and the pace store of a job (`docs/frontier.md`), asked in one round trip."""

import time
from collections.abc import Sequence
from typing import Any, Final

import redis.asyncio as redis
from redis.exceptions import NoScriptError, ResponseError

from crawlfleet.actions import (
    CloseFrontier,
    ConfirmDead,
    DropKeys,
    PrepareFrontier,
    Reap,
    RedisWrite,
    ReopenFrontier,
    ReplayDead,
    SetLimits,
    SetPoliteness,
    Tick,
)
from crawlfleet.crawl_state import CrawlState
from crawlfleet.engines import Question
from crawlfleet.engines.frontier_preparation import prepare, set_politeness
from crawlfleet.engines.frontier_reading import missing, state_of
from crawlfleet.engines.frontier_upkeep import drop_some, replay_dead
from crawlfleet.job import Job
from crawlfleet_frontier.calls import ScriptCall
from crawlfleet_frontier.errors import NoSentinel, from_reply
from crawlfleet_frontier.pace import PaceKeys
from crawlfleet_frontier.pace import calls as pace
from crawlfleet_frontier.store import StoreKeys
from crawlfleet_frontier.store import calls as store
from crawlfleet_frontier.store.replies import read_moved

LONGEST_TICK_SECONDS: Final = 30.0
"""Of the own clock; a longer pause between two ticks says nothing of how long Redis' TIME should have run."""

REAPS: Final = 20
"""Calls of `reap` an action makes, 500 leases each; what is left is found by the next look."""


class FrontierEngine:
    """Speaks to both stores of a job."""

    def __init__(self) -> None:
        self._ticked: dict[str, float] = {}
        self._cursors: dict[str, int] = {}

    def questions(self, job: Job) -> Sequence[Question]:  # noqa: D102
        calls = (
            store.snapshot(StoreKeys(job.uid), job.seed_key or ""),
            pace.pace_snapshot(PaceKeys(job.uid)),
        )
        return tuple(_question(call) for call in calls)

    def read(self, job: Job, answers: Sequence[Any]) -> CrawlState:  # noqa: D102
        store_answer, pace_answer = answers
        if _is_missing(store_answer):
            return missing()
        for answer in (store_answer, pace_answer):
            if isinstance(answer, Exception) and not _is_missing(answer):
                raise answer
        return state_of(store_answer, None if _is_missing(pace_answer) else pace_answer)

    async def write(self, client: redis.Redis, job: Job, action: RedisWrite) -> bool:  # noqa: D102
        match action:
            case PrepareFrontier(seed_state, urls):
                await prepare(client, job, seed_state, urls)
            case SetPoliteness(politeness):
                await set_politeness(client, job, politeness)
            case DropKeys():
                return await self._drop(client, job)
            case ReplayDead(replay, through):
                await replay_dead(client, StoreKeys(job.uid), replay, through)
            case Reap(epoch, blame):
                await self._reap(client, job, epoch, blame=blame)
            case Tick():
                await run(client, store.tick(StoreKeys(job.uid), self._elapsed_ms(job.uid)))
            case _:
                await run(client, _call(job, action))
        return True

    def forget(self, uid: str) -> None:  # noqa: D102
        self._ticked.pop(uid, None)
        self._cursors.pop(uid, None)

    async def _drop(self, client: redis.Redis, job: Job) -> bool:
        cursor = await drop_some(client, job.uid, self._cursors.pop(job.uid, None))
        if cursor is None:
            return True
        self._cursors[job.uid] = cursor
        return False

    async def _reap(self, client: redis.Redis, job: Job, epoch: str, *, blame: bool) -> None:
        for _ in range(REAPS):
            moved = read_moved(await run(client, store.reap(StoreKeys(job.uid), epoch, blame=blame)))
            if not moved.left:
                return

    def _elapsed_ms(self, uid: str) -> int:
        now = time.monotonic()
        before, self._ticked[uid] = self._ticked.get(uid), now
        if before is None or now - before > LONGEST_TICK_SECONDS:
            return 0
        return int((now - before) * 1000)


async def run(client: redis.Redis, call: ScriptCall) -> bytes:
    """Send one call, with its script where Redis does not know it; returns the packed reply."""
    try:
        reply = await client.evalsha(*call.evalsha_arguments())  # type: ignore[arg-type]
    except NoScriptError:
        reply = await client.eval(*call.eval_arguments())  # type: ignore[arg-type]
    return bytes(reply)


def _call(job: Job, action: RedisWrite) -> ScriptCall:
    keys = StoreKeys(job.uid)
    match action:
        case SetLimits(limits):
            return store.configure(
                keys, host_cap=limits.host_cap, stop_pages=limits.stop_pages, max_losses=limits.max_losses
            )
        case ConfirmDead(epochs):
            return pace.confirm_dead(PaceKeys(job.uid), epochs)
        case CloseFrontier(admitted):
            return store.close(keys, admitted, job.seed_key or "")
        case ReopenFrontier():
            return store.reopen(keys)
    raise TypeError(f"engine Frontier does not know {type(action).__name__}")


def _question(call: ScriptCall) -> Question:
    text, *arguments = call.eval_arguments()
    return Question(str(text), tuple(arguments))


def _is_missing(answer: object) -> bool:
    """Whether a store says that it is not there."""
    return isinstance(answer, ResponseError) and isinstance(from_reply(str(answer)), NoSentinel)
