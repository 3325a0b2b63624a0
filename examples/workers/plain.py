"""A worker of a crawl without Scrapy: aiohttp, a regular expression for links, one host.

    CRAWLFLEET_REDIS_URL=redis://localhost:6379 CRAWLFLEET_JOB_UID=demo python plain.py http://localhost:8080/

Start as many as you like. Kill one: what it held is fetched by another. It ends when the job is closed.
"""

import asyncio
import os
import re
import sys
from urllib.parse import urljoin, urlsplit

import aiohttp

from crawlfleet_frontier.client import FrontierClient, Lease, now
from crawlfleet_frontier.envelope import FrontierRequest

LINK = re.compile(r'href="([^"#]+)')


async def fetch(frontier: FrontierClient, http: aiohttp.ClientSession, lease: Lease) -> None:
    url = lease.request.url
    if not frontier.sent(lease):  # too late for this slot: the request comes again
        return
    try:
        async with http.get(url) as response:
            first_byte = now()
            text = await response.text()
    except (aiohttp.ClientError, TimeoutError) as error:
        frontier.dead(lease, "Download", str(error))
        return
    frontier.closed(lease, first_byte=first_byte)
    links = {urljoin(url, link) for link in LINK.findall(text)}
    frontier.push(
        [FrontierRequest(link) for link in sorted(links) if urlsplit(link).netloc == urlsplit(url).netloc], parent=lease
    )
    frontier.done(lease)


async def main(seeds: list[str]) -> None:
    url, uid = os.environ["CRAWLFLEET_REDIS_URL"], os.environ["CRAWLFLEET_JOB_UID"]
    name = os.environ.get("CRAWLFLEET_POD_UID", f"pid-{os.getpid()}")
    async with (
        FrontierClient(url, uid, name) as frontier,
        aiohttp.ClientSession() as http,
        asyncio.TaskGroup() as tasks,
    ):
        if await frontier.claim_seeds() == "run":
            frontier.push([FrontierRequest(seed) for seed in seeds])
            await frontier.seeds_done()
        async for lease in frontier.leases():
            tasks.create_task(fetch(frontier, http, lease))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
