"""The peer: an operator that does nothing, in the way kopf's documentation begins: handlers and a timer.

    python -m benchmarks.noop_kopf PORT

It watches CrawlJobs, has a handler for their creation, resumption, change and deletion and a timer of 10 s, all of them
empty. `GET /` on the port tells how many CrawlJobs a handler has been called for.
"""

import asyncio
import sys
from typing import Any

import kopf
from aiohttp import web

TIMER_SECONDS = 10.0

_seen: set[str] = set()
_registry = kopf.OperatorRegistry()
_RESOURCE = ("crawlfleet.io", "v1alpha1", "crawljobs")


@kopf.on.login(registry=_registry)
def log_in(**kwargs: Any) -> kopf.ConnectionInfo | None:  # noqa: ANN401 - kopf's
    """Use the kubeconfig."""
    return kopf.login_with_kubeconfig(**kwargs)


@kopf.on.create(*_RESOURCE, registry=_registry)
@kopf.on.resume(*_RESOURCE, registry=_registry)
@kopf.on.update(*_RESOURCE, registry=_registry)
async def handle(uid: str | None, **_: Any) -> None:  # noqa: ANN401 - kopf's
    """Note that the job was seen."""
    _seen.add(str(uid))


@kopf.on.delete(*_RESOURCE, registry=_registry)
async def leave(uid: str | None, **_: Any) -> None:  # noqa: ANN401 - kopf's
    """Forget the job."""
    _seen.discard(str(uid))


@kopf.timer(*_RESOURCE, interval=TIMER_SECONDS, registry=_registry)
async def tick(**_: Any) -> None:  # noqa: ANN401 - kopf's
    """Look, find nothing to do."""


async def _run(port: int) -> None:
    async def count(_: web.Request) -> web.Response:
        return web.Response(text=str(len(_seen)))

    app = web.Application()
    app.router.add_get("/", count)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.peering.standalone = True
    await kopf.operator(registry=_registry, settings=settings, standalone=True, clusterwide=True)


if __name__ == "__main__":
    asyncio.run(_run(int(sys.argv[1])))
