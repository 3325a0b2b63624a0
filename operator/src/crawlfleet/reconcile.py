"""One pass over one job: observe → plan → execute; and the loop that does so for every key of the queue."""

import asyncio
import logging
import random
import time
from dataclasses import dataclass, replace

from crawlfleet import names
from crawlfleet.cache import Cache, Key
from crawlfleet.execute import Executor
from crawlfleet.job import Job
from crawlfleet.leaving import hasten
from crawlfleet.measures import Measures
from crawlfleet.observe import Observer
from crawlfleet.observed import JobMemory, Observed
from crawlfleet.planning import plan
from crawlfleet.plans import Plan, PlanSettings
from crawlfleet.policies import looking
from crawlfleet.ports import Cluster, Conflict, FrontierPort, Gone
from crawlfleet.work_queue import WorkQueue

logger = logging.getLogger(__name__)

CLEARING_SECONDS = 1.0
"""How often the pods of a deleted job are looked for until they are gone."""


@dataclass(frozen=True, slots=True)
class Clearing:
    """A job that is gone and whose pods may not be."""

    uid: str
    namespace: str


class Reconciler:
    """Brings each job to where it should be."""

    def __init__(
        self,
        cluster: Cluster,
        frontier: FrontierPort,
        cache: Cache,
        queue: WorkQueue[Key],
        settings: PlanSettings,
        measures: Measures,
        resync_seconds: float,
    ) -> None:
        self._cluster = cluster
        self._frontier = frontier
        self._cache = cache
        self._queue = queue
        self._settings = settings
        self._measures = measures
        self._resync_seconds = resync_seconds
        self._observer = Observer(cluster, frontier, cache)
        self._executor = Executor(cluster, frontier, settings)
        self._memories: dict[str, JobMemory] = {}
        self._at_rest: set[str] = set()
        self._verified: dict[str, float] = {}
        self._clearing: dict[Key, list[Clearing]] = {}

    async def work(self) -> None:
        """Take keys from the queue for ever."""
        while True:
            key = await self._queue.get()
            try:
                await self._attempt(key)
            finally:
                self._queue.done(key)

    async def _attempt(self, key: Key) -> None:
        started = time.monotonic()
        try:
            result = await self.reconcile(key)
        except (Conflict, Gone):
            # Somebody else wrote first: the watch brings the new state, and the next pass works with that.
            result = "changed"
            self._queue.add_after(key, 0.2)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            seconds = self._queue.failed(key)
            self._measures.failed(error)
            logger.warning("%s/%s: %s; next try in %.1f s", *key, _describe(error), seconds)
            result = "failed"
        else:
            self._queue.succeeded(key)
        self._measures.reconciled(result, time.monotonic() - started)

    async def reconcile(self, key: Key) -> str:
        """Bring one job to where it should be; returns `unchanged` or `changed`."""
        await self._clear(key)
        job = self._cache.job(key)
        if job is None:
            return "unchanged"
        looked = time.monotonic()
        observed = await self._observer.cached(job, self._memories.get(job.uid, JobMemory()))
        planned = plan(observed, self._settings)
        if planned.decides(job) or self._verification_due(job):
            return await self._decide(key, observed, looked)
        return await self._finish(key, observed, planned, looked)

    async def _decide(self, key: Key, cached: Observed, looked: float) -> str:
        """Look again with what the API server has now, and act on that alone."""
        try:
            observed = await self._observer.live(cached.job, cached.frontier, cached.memory)
        except Gone:
            # Deleted while no watch was open: no event will ever say so.
            self.deleted(key, cached.job.uid)
            raise
        if not self._is_known(key, observed.job):
            return "unchanged"
        self._verified[observed.job.uid] = time.monotonic()
        self._cache.put_job(observed.job.body)
        for child in (observed.children.deployment, observed.children.statefulset, observed.children.service):
            if child is not None:
                self._cache.put_child(child)
        return await self._finish(key, observed, plan(observed, self._settings), looked)

    async def _finish(self, key: Key, observed: Observed, planned: Plan, looked: float) -> str:
        changes = planned.changes(observed.job)
        job, memory = observed.job, planned.memory
        if changes:
            done = await self._executor.carry_out(job, planned)
            job, memory = done.job, done.memory
            if done.halted:
                planned = replace(planned, look_again=0.0)
            if not self._is_known(key, job):
                return "changed"
            for child in done.children:
                self._cache.put_child(child)
                self._measures.scaled(child, observed.children.replicas, time.monotonic() - looked)
            if not done.gone:
                self._cache.put_job(job.body)
        self._memories[job.uid] = memory
        # The cache's copy is the slim one: the answer of a write holds the managed fields too.
        self._measures.observed(self._cache.job(key) or job, observed)
        self._look_again(key, job.uid, planned)
        return "changed" if changes else "unchanged"

    def _is_known(self, key: Key, job: Job) -> bool:
        """Whether the job is still there: it may have been deleted while its reconcile waited for an answer."""
        known = self._cache.job(key)
        return known is not None and known.uid == job.uid

    def _look_again(self, key: Key, uid: str, planned: Plan) -> None:
        resync = self._resync_seconds * random.uniform(0.8, 1.2)  # noqa: S311 - spreads the load, no secret
        wanted = resync if planned.look_again is None else min(resync, max(0.05, planned.look_again))
        if planned.at_rest:
            self._at_rest.add(uid)
            wanted = min(wanted, looking.at_rest(len(self._at_rest)))
        else:
            self._at_rest.discard(uid)
        self._queue.add_after(key, wanted)

    def _verification_due(self, job: Job) -> bool:
        verified = self._verified.get(job.uid)
        return verified is None or time.monotonic() - verified > self._resync_seconds

    def deleted(self, key: Key, uid: str) -> None:
        """Take note that a job is gone: its pods are told to leave soon, not within their own grace."""
        if not self._cache.drop_job(key, uid):
            return
        self._memories.pop(uid, None)
        self._at_rest.discard(uid)
        self._verified.pop(uid, None)
        self._observer.forget(uid)
        self._measures.forget(uid)
        self._clearing.setdefault(key, []).append(Clearing(uid, key[0]))
        self._queue.add(key)

    async def _clear(self, key: Key) -> None:
        clearings = self._clearing.get(key, [])
        for clearing in tuple(clearings):
            await self._frontier.release(clearing.uid)
            if not await hasten(self._cluster, clearing.namespace, f"{names.JOB_UID_LABEL}={clearing.uid}"):
                clearings.remove(clearing)
        if clearings:
            self._queue.add_after(key, CLEARING_SECONDS)
        else:
            self._clearing.pop(key, None)


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
