"""The whole operator, wired: kopf watches, workers reconcile, two ports serve."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator

import kopf
from kubernetes.aio import client
from prometheus_client import CollectorRegistry, disable_created_metrics

from crawlfleet.cache import Cache, Key
from crawlfleet.config import Config
from crawlfleet.kube import KubeCluster, load_configuration
from crawlfleet.measures import Measures
from crawlfleet.plans import PlanSettings
from crawlfleet.reconcile import Reconciler
from crawlfleet.redis_gateway import RedisGateway
from crawlfleet.serving import serve_health, serve_metrics
from crawlfleet.watching import Watcher, build_registry, build_settings
from crawlfleet.work_queue import WorkQueue

logger = logging.getLogger(__name__)


async def run(config: Config, *, ready: asyncio.Event | None = None) -> None:
    """Run until SIGTERM or SIGINT (kopf's handlers), or until cancelled."""
    ready = ready or asyncio.Event()
    cluster = KubeCluster(client.ApiClient(await load_configuration()))
    gateway = RedisGateway(cluster)
    queue: WorkQueue[Key] = WorkQueue()
    cache = Cache()
    disable_created_metrics()  # type: ignore[no-untyped-call]
    measures = Measures(CollectorRegistry(), lambda: len(queue))
    settings = PlanSettings(config.redis_image, config.redis_resources)
    reconciler = Reconciler(cluster, gateway, cache, queue, settings, measures, config.resync_seconds)
    watcher = Watcher(cache, queue, reconciler, config.operator_class)
    async with contextlib.AsyncExitStack() as stack:
        # Unwound from the last to the first: the connections are closed when nobody reconciles any more.
        stack.push_async_callback(cluster.close)
        stack.push_async_callback(gateway.close)
        tasks = await stack.enter_async_context(_reconciling(reconciler, config.concurrency))
        health = await serve_health(
            config.bind_address,
            config.health_port,
            healthy=lambda: not any(task.done() for task in tasks),
            ready=ready.is_set,
        )
        stack.push_async_callback(health.cleanup)
        metrics = await serve_metrics(config.bind_address, config.metrics_port, measures.registry)
        stack.push_async_callback(metrics.cleanup)
        logger.info("watching CrawlJobs of operatorClass %r", config.operator_class)
        await kopf.operator(
            registry=build_registry(watcher),
            settings=build_settings(),
            standalone=True,
            # kopf would ask for the user's name, and a container's numeric user has none.
            identity=socket.gethostname(),  # type: ignore[arg-type]
            clusterwide=not config.namespaces,
            namespaces=config.namespaces,
            ready_flag=ready,
        )


@contextlib.asynccontextmanager
async def _reconciling(reconciler: Reconciler, concurrency: int) -> AsyncIterator[list[asyncio.Task[None]]]:
    tasks = [asyncio.create_task(reconciler.work(), name=f"reconcile-{n}") for n in range(concurrency)]
    try:
        yield tasks
    finally:
        pending = set(tasks)
        while pending:
            # Again, where a library swallowed it: asyncio.wait_for of Python 3.11 does so in a race.
            for task in pending:
                task.cancel()
            _, pending = await asyncio.wait(pending, timeout=1.0)
