"""The operator's HTTP endpoints: /healthz and /readyz for kubelet, /metrics for Prometheus."""

import asyncio
from collections.abc import Callable

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest


async def serve_health(
    address: str, port: int, healthy: Callable[[], bool], ready: Callable[[], bool]
) -> web.AppRunner:
    """Serve the probes; the caller cleans the runner up."""

    def answer(good: bool) -> web.Response:
        return web.Response(text="ok\n" if good else "not yet\n", status=200 if good else 503)

    app = web.Application()

    async def healthz(_: web.Request) -> web.Response:
        return answer(healthy())

    async def readyz(_: web.Request) -> web.Response:
        return answer(ready())

    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    return await _start(app, address, port)


async def serve_metrics(address: str, port: int, registry: CollectorRegistry) -> web.AppRunner:
    """Serve the registry in Prometheus' text format; the caller cleans the runner up."""

    async def metrics(_: web.Request) -> web.Response:
        # In a thread: thousands of jobs' series would hold the event loop for longer than a probe waits.
        text = await asyncio.to_thread(generate_latest, registry)
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    return await _start(app, address, port)


async def _start(app: web.Application, address: str, port: int) -> web.AppRunner:
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, address, port).start()
    return runner
