"""What is, at one moment: a job, its children and its Redis, gathered into one `Observed`.

From the cache (fed by watches) for looking around; live from the API server before anything is decided by it: a cache
may hold what was deleted while a watch was down.
"""

import asyncio
from collections.abc import Sequence

from crawlfleet import names
from crawlfleet.cache import Cache
from crawlfleet.job import Body, Job
from crawlfleet.observed import Children, Frontier, JobMemory, Observed, Unobservable
from crawlfleet.ports import Cluster, FrontierPort, Gone


class Observer:
    """Gathers observations."""

    def __init__(self, cluster: Cluster, frontier: FrontierPort, cache: Cache) -> None:
        self._cluster = cluster
        self._frontier = frontier
        self._cache = cache
        self._secrets: set[str] = set()

    async def cached(self, job: Job, memory: JobMemory) -> Observed:
        """Observe with the children as the watches last showed them."""
        frontier = await self._frontier.look(job)
        children = self._cache.children(job, secret_exists=job.uid in self._secrets)
        return Observed(job, self._cluster.now(), children, frontier, memory)

    async def live(self, job: Job, frontier: Frontier | Unobservable, memory: JobMemory) -> Observed:
        """Observe with job and children as the API server has them now; raises Gone without the job.

        The look at Redis is taken over: it is younger than what it is joined with.
        """
        body, children = await asyncio.gather(
            self._cluster.get("CrawlJob", job.namespace, job.name), self._children(job)
        )
        fresh = Job(body)
        if fresh.uid != job.uid:
            raise Gone(f"{job.namespace}/{job.name} is another job now")
        return Observed(fresh, self._cluster.now(), children, frontier, memory)

    def forget(self, uid: str) -> None:
        """Forget a job that is gone."""
        self._secrets.discard(uid)

    async def _children(self, job: Job) -> Children:
        redis = names.redis_name(job.name)
        deployment, pods = await asyncio.gather(
            self._get(job, "Deployment", names.worker_name(job.name)),
            self._cluster.list("Pod", job.namespace, f"{names.JOB_UID_LABEL}={job.uid}"),
        )
        statefulset = service = None
        if job.redis_managed:
            statefulset, service = await asyncio.gather(
                self._get(job, "StatefulSet", redis), self._get(job, "Service", redis)
            )
            if await self._get(job, "Secret", redis):
                self._secrets.add(job.uid)
            else:
                self._secrets.discard(job.uid)
        redis_pods = tuple(pod for pod in pods if component(pod) == names.REDIS)
        return Children(
            deployment=deployment,
            statefulset=statefulset,
            service=service,
            secret_exists=job.uid in self._secrets,
            worker_pods=tuple(pod for pod in pods if component(pod) == names.WORKER),
            redis_pods=redis_pods,
            claim_events=tuple(await self._claim_troubles(job, redis_pods)),
        )

    async def _get(self, job: Job, kind: str, name: str) -> Body | None:
        """Return a child, unless it is missing or belongs to an earlier job of the same name."""
        try:
            body = await self._cluster.get(kind, job.namespace, name)
        except Gone:
            return None
        return body if is_owned_by(body, job.uid) else None

    async def _claim_troubles(self, job: Job, redis_pods: Sequence[Body]) -> Sequence[str]:
        if not any((pod.get("status") or {}).get("phase") == "Pending" for pod in redis_pods):
            return ()
        return await self._cluster.claim_troubles(job.namespace, names.redis_claim_name(job.name))


def component(pod: Body) -> str:
    """Return which component of a job the pod belongs to."""
    return str((pod["metadata"].get("labels") or {}).get(names.COMPONENT_LABEL, ""))


def is_owned_by(body: Body, uid: str) -> bool:
    """Whether the object belongs to the job with this UID."""
    return any(owner.get("uid") == uid for owner in body["metadata"].get("ownerReferences", ()))
