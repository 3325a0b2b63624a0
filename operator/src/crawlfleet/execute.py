"""Carrying a plan out: actions in order, then one status write where it changed, then the events."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from crawlfleet import names
from crawlfleet.actions import (
    Action,
    Apply,
    CreateRedisSecret,
    DeleteJob,
    DeleteWorkers,
    RedisWrite,
    ReplayDead,
    SetFinalizers,
)
from crawlfleet.children import redis as redis_children
from crawlfleet.job import Body, Job
from crawlfleet.leaving import hasten
from crawlfleet.observe import is_owned_by
from crawlfleet.observed import JobMemory
from crawlfleet.plans import Plan, PlanSettings
from crawlfleet.ports import Cluster, Conflict, FrontierPort, Gone
from crawlfleet.secret_values import new_password


@dataclass(frozen=True, slots=True)
class Done:
    """What carrying out a plan left behind."""

    job: Job
    """As the API server has it after the last write."""
    memory: JobMemory
    children: tuple[Body, ...] = ()
    """Children as stored, for the cache."""
    halted: bool = False
    """Whether an action has to be carried out again before those after it."""
    gone: bool = False
    """Whether the job itself was deleted, or will be by its last finalizer's end."""


class Executor:
    """Carries plans out."""

    def __init__(self, cluster: Cluster, frontier: FrontierPort, settings: PlanSettings) -> None:
        self._cluster = cluster
        self._frontier = frontier
        self._settings = settings

    async def carry_out(self, job: Job, plan: Plan) -> Done:
        """Do what the plan asks for; raises Conflict or Gone where the job changed underneath."""
        done = Done(job, plan.memory)
        for action in plan.actions:
            done = await self._do(done, action)
            if done.halted:
                break
        if plan.status is not None and plan.status != job.status and not done.gone:
            body = await self._cluster.patch_status(done.job, plan.status)
            done = replace(done, job=Job(body))
        for note in plan.notes:
            await self._cluster.record(done.job, note)
        return done

    async def _do(self, done: Done, action: Action) -> Done:
        job = done.job
        match action:
            case Apply(body):
                return await self._apply(done, body)
            case SetFinalizers(finalizers):
                return await self._set_finalizers(done, finalizers)
            case CreateRedisSecret():
                await self._create_secret(job)
            case DeleteWorkers():
                await self._delete_workers(job)
            case DeleteJob():
                await self._cluster.delete("CrawlJob", job.namespace, job.name, uid=job.uid)
                return replace(done, gone=True)
            case _:
                return await self._write(done, action)
        return done

    async def _write(self, done: Done, action: RedisWrite) -> Done:
        through = await self._frontier.write(done.job, action)
        if through and isinstance(action, ReplayDead):
            return replace(done, memory=replace(done.memory, replayed=action.replay.token))
        return replace(done, halted=not through)

    async def _apply(self, done: Done, body: Mapping[str, object]) -> Done:
        stored = await self._cluster.apply(body)
        generations = {
            **done.memory.applied_generations,
            str(stored["kind"]): int(stored["metadata"].get("generation", 0)),
        }
        memory = replace(done.memory, applied_generations=generations)
        return replace(done, memory=memory, children=(*done.children, stored))

    async def _set_finalizers(self, done: Done, finalizers: tuple[str, ...]) -> Done:
        job = done.job
        metadata = {"finalizers": list(finalizers), "uid": job.uid, "resourceVersion": job.resource_version}
        body = await self._cluster.merge_patch("CrawlJob", job.namespace, job.name, {"metadata": metadata})
        return replace(done, job=Job(body))

    async def _create_secret(self, job: Job) -> None:
        try:
            await self._cluster.create(redis_children.secret(job, new_password(), self._settings.redis_resources))
        except Conflict:
            # Another operator was quicker (its password counts), or the last job of this name is still being cleared.
            present = await self._cluster.get("Secret", job.namespace, names.redis_name(job.name))
            if not is_owned_by(present, job.uid):
                raise

    async def _delete_workers(self, job: Job) -> None:
        name = names.worker_name(job.name)
        try:
            present = await self._cluster.get("Deployment", job.namespace, name)
        except Gone:
            present = {"metadata": {}}
        if is_owned_by(present, job.uid):
            await self._cluster.delete("Deployment", job.namespace, name, uid=present["metadata"]["uid"])
        await hasten(self._cluster, job.namespace, names.selector(job.uid, names.WORKER))
