"""Some workers on `crawlfleet_frontier.client` in one process, each with an epoch, a session and a beat of its own.

What `examples/workers/plain.py` does, over many hosts and connections. It works until it is killed.
"""

import asyncio
import json
import re
import sys
from dataclasses import asdict, dataclass
from typing import Final
from urllib.parse import urljoin, urlsplit

from benchmarks.pace.fetching import Pool, request
from crawlfleet_frontier.client import FrontierClient, Lease, Settings
from crawlfleet_frontier.envelope import FrontierRequest
from crawlfleet_frontier.pace.calls import Outcome

LINK: Final = re.compile(rb'href="([^"#]+)')


@dataclass(frozen=True, slots=True)
class Orders:
    """What one process is told."""

    redis_url: str
    uid: str
    port: int
    names: list[str]
    """Of its workers."""
    concurrency: int
    """Connections of each; it takes no slots beyond them, so that none waits for a connection."""
    held: int

    def as_argument(self) -> str:
        """Return it as the process takes it."""
        return json.dumps(asdict(self))


async def fetch(frontier: FrontierClient, pool: Pool, lease: Lease, name: str) -> None:
    """Fetch one page and push what it links to."""
    url = lease.request.url
    try:
        connection = await pool.take(lease.host)
        if not frontier.sent(lease):
            pool.give_back(lease.host, connection)
            return
        page = await connection.ask(request(lease.host, urlsplit(url).path, name))
    except OSError as error:
        frontier.dead(lease, "Download", str(error))
        return
    frontier.closed(lease, first_byte=page.first_byte, outcome=Outcome.SUCCESS)
    pool.give_back(lease.host, connection)
    frontier.push([FrontierRequest(urljoin(url, link.decode())) for link in LINK.findall(page.body)], parent=lease)
    frontier.done(lease)


async def work(orders: Orders, name: str, pool: Pool) -> None:
    """Be one worker."""
    settings = Settings(concurrency=orders.concurrency, ahead=0, held=orders.held)
    async with (
        FrontierClient(orders.redis_url, orders.uid, name, settings=settings) as frontier,
        asyncio.TaskGroup() as tasks,
    ):
        async for lease in frontier.leases():
            tasks.create_task(fetch(frontier, pool, lease, name))


async def main(orders: Orders) -> None:
    """Be all workers of this process."""
    pool = Pool(orders.port)
    async with asyncio.TaskGroup() as tasks:
        for name in orders.names:
            tasks.create_task(work(orders, name, pool))


if __name__ == "__main__":
    asyncio.run(main(Orders(**json.loads(sys.argv[1]))))
