"""One crawl on Twisted's asyncio reactor, in a process of its own: print what its server saw as JSON.

`python -m tests.worker.frontier.under_twisted ours|stock`
"""

import asyncio
import json
import sys

from scrapy import Request
from scrapy.utils.reactor import install_reactor

from tests.worker.frontier.crawls import ours, run, stock
from tests.worker.frontier.fakes import FakePacer
from tests.worker.frontier.server import drops_kept_connections, serving

ASYNCIO = "twisted.internet.asyncioreactor.AsyncioSelectorReactor"
SETTINGS = {"TWISTED_REACTOR_ENABLED": True, "TWISTED_REACTOR": ASYNCIO}


async def crawl(kind: str) -> dict[str, object]:
    pacer = FakePacer(delay=0.05)
    stock_settings = {"CONCURRENT_REQUESTS": 1, "DOWNLOAD_DELAY": 0.05, **SETTINGS}
    crawler = ours(pacer=pacer, **SETTINGS) if kind == "ours" else stock(**stock_settings)
    async with serving(drops_kept_connections()) as server:
        spider = await run(crawler, *(Request(server.url(f"/{n}")) for n in range(6)))
    return {
        "got": len(spider.got),
        "arrivals": len(server.arrivals),
        "shortest_gap": min(server.gaps()),
        "slots": len(pacer.slots),
        "ends": [len(slot.ends) for slot in pacer.slots],
    }


def main(kind: str) -> None:
    install_reactor(ASYNCIO)
    from twisted.internet import reactor  # noqa: PLC0415 - not before it is chosen

    def begin() -> None:
        task = asyncio.get_event_loop().create_task(crawl(kind))
        task.add_done_callback(lambda _: reactor.stop())
        tasks.append(task)

    tasks: list[asyncio.Task[dict[str, object]]] = []
    reactor.callWhenRunning(begin)
    reactor.run()
    print(json.dumps(tasks[0].result()))  # noqa: T201 - the answer


if __name__ == "__main__":
    main(sys.argv[1])
