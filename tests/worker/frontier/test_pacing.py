"""Nothing is sent without a slot, each slot ends once, and one slot is one request at the server."""

import asyncio
import json
import subprocess
import sys
import time
from email.utils import formatdate

import pytest
from scrapy import Request, version_info
from scrapy.exceptions import DownloadFailedError, DownloadTimeoutError, NotConfigured, NotSupported
from scrapy.http import Response
from twisted.internet.defer import succeed

from crawlfleet_frontier.client import clock
from crawlfleet_worker.frontier import pacing, sending
from crawlfleet_worker.frontier.answers import outcome_of
from crawlfleet_worker.frontier.ports import HostBlocked, Outcome, wiring_of
from crawlfleet_worker.settings import AIOHTTP_SINCE
from tests.worker.frontier.crawls import OneByOne, run, stock
from tests.worker.frontier.crawls import ours as scrapys
from tests.worker.frontier.fakes import FakePacer, FakeSlot
from tests.worker.frontier.server import Answer, drops_kept_connections, serving
from tests.worker.http.crawls import with_own_http

SUCCESS = Outcome("success")
with_aiohttp = pytest.mark.skipif(version_info[:2] < AIOHTTP_SINCE, reason="Scrapy's aiohttp handler came with 2.19")


def with_ours(*args, **settings):
    return with_own_http(scrapys(*args, **settings))


@pytest.fixture(params=[scrapys, pytest.param(with_ours, marks=with_aiohttp)], ids=["scrapys", "own"])
def ours(request):
    """Return what makes a crawler with all rooms, over Scrapy's handler or over the one of our own."""
    return request.param


async def test_every_request_has_a_slot_that_ends_once_with_the_age_of_its_first_byte(ours):
    pacer = FakePacer()
    async with serving() as server:
        spider = await run(ours(pacer=pacer), *(Request(server.url(f"/{n}")) for n in range(5)))
    assert len(spider.got) == 5, spider.failed
    assert [(slot.looks, len(slot.ends)) for slot in pacer.slots] == [(1, 1)] * 5
    assert all(slot.host == "127.0.0.1" for slot in pacer.slots)
    assert all(0 <= slot.ends[0][0] < 5 and slot.ends[0][1] == SUCCESS for slot in pacer.slots)


async def test_the_server_sees_no_gap_below_the_delay(ours):
    pacer = FakePacer(delay=0.05)
    async with serving() as server:
        await run(ours(pacer=pacer), *(Request(server.url(f"/{n}")) for n in range(12)))
    assert len(server.arrivals) == 12
    assert min(server.gaps()) >= 0.05


async def test_a_first_byte_is_dated_by_the_headers_and_not_by_the_last_byte(ours):
    held, pacer = asyncio.Event(), FakePacer()

    def site(arrival):
        asyncio.get_running_loop().call_later(0.5, held.set)
        return Answer(body=b"x" * 10, wait=held)

    async with serving(site) as server:
        await run(ours(pacer=pacer), Request(server.url()))
    assert 0.1 < pacer.slots[0].ends[0][0] < 5


@with_aiohttp
async def test_a_dropped_keep_alive_is_sent_again_only_under_a_slot_of_its_own(ours):
    pacer = FakePacer(delay=0.05)
    async with serving(drops_kept_connections()) as server:
        crawler = ours(pacer=pacer)
        spider = await run(crawler, *(Request(server.url(f"/{n}")) for n in range(6)))
    assert {response.url for response in spider.got} == {server.url(f"/{n}") for n in range(6)}
    assert len(server.arrivals) > 6
    assert min(server.gaps()) >= 0.05
    assert len(pacer.slots) == len(server.arrivals)
    assert crawler.stats.get_value("retry/count", 0) == 0


@with_aiohttp
async def test_stock_scrapy_repeats_at_once_so_the_test_above_can_fail():
    async with serving(drops_kept_connections()) as server:
        requests = [Request(server.url(f"/{n}")) for n in range(6)]
        await run(stock(CONCURRENT_REQUESTS=1, DOWNLOAD_DELAY=0.05), *requests)
    assert len(server.arrivals) > 6
    assert min(server.gaps()) < 0.02


def under_twisted(kind):
    command = [sys.executable, "-m", "tests.worker.frontier.under_twisted", kind]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_on_twisteds_reactor_too():
    ours, stock = under_twisted("ours"), under_twisted("stock")
    assert ours["got"] == stock["got"] == 6
    assert ours["arrivals"] > 6
    assert ours["slots"] == ours["arrivals"]
    assert set(ours["ends"]) == {1}
    assert ours["shortest_gap"] >= 0.05
    assert stock["shortest_gap"] < 0.02


async def test_a_dropped_post_is_not_sent_again_by_the_handler(ours):
    async with serving(drops_kept_connections()) as server:
        requests = [Request(server.url(f"/{n}"), method="POST", meta={"dont_retry": True}) for n in range(2)]
        spider = await run(ours(), *requests)
    assert len(server.arrivals) == 2
    assert [type(error) for error in spider.failed] == [DownloadFailedError]


async def test_a_connection_that_never_works_fails_as_without_us(ours):
    pacer = FakePacer()
    async with serving(lambda arrival: Answer(drop=True)) as server:
        spider = await run(ours(pacer=pacer), Request(server.url(), meta={"dont_retry": True}))
    assert [type(error) for error in spider.failed] == [DownloadFailedError]
    assert [slot.ends for slot in pacer.slots] == [[(0.0, Outcome("none"))]]


async def test_a_slot_that_ran_out_goes_back_and_another_is_asked_for(ours):
    pacer = FakePacer()
    pacer.lapse_first = 2
    async with serving() as server:
        spider = await run(ours(pacer=pacer), Request(server.url()))
    assert len(spider.got) == 1
    assert [slot.ends[0] == "unused" for slot in pacer.slots] == [True, True, False]
    assert len(server.arrivals) == 1


@with_aiohttp
async def test_a_slot_that_is_void_when_the_connection_stands_sends_nothing(ours):
    """The last look is after connect, before the write; the connection serves the next slot."""
    pacer = FakePacer()
    pacer.fence_first = 1
    async with serving() as server:
        spider = await run(ours(pacer=pacer), Request(server.url()))
    assert len(spider.got) == 1
    assert len(server.arrivals) == 1
    assert server.connections == 1
    assert [(slot.looks, slot.ends[0] == "unused") for slot in pacer.slots] == [(1, True), (1, False)]


async def test_slots_that_all_run_out_end_as_a_time_out(ours):
    pacer = FakePacer()
    pacer.lapse_first = 100
    async with serving() as server:
        spider = await run(ours(pacer=pacer), Request(server.url(), meta={"dont_retry": True}))
    assert [type(error) for error in spider.failed] == [DownloadTimeoutError]
    assert [slot.ends for slot in pacer.slots] == [["unused"]] * pacing.MOST_LAPSES
    assert server.arrivals == []


class Leased(OneByOne):
    """Gives each request the slot that the test prepared, as the scheduler does."""

    slot: object = None

    async def start(self):
        async for request in super().start():
            wiring_of(self.crawler).slots.give(request, self.slot)
            yield request


@pytest.mark.parametrize(("host", "asked"), [("127.0.0.1", 0), ("127.0.0.9", 1)])
async def test_a_leased_request_brings_its_slot_unless_it_is_another_hosts(ours, host, asked):
    pacer, slot = FakePacer(), FakeSlot(host)
    Leased.slot = slot
    async with serving() as server:
        spider = await run(ours(Leased, pacer=pacer), Request(server.url()))
    assert len(spider.got) == 1
    assert len(pacer.slots) == asked
    assert len(slot.ends) == 1
    assert (slot.ends[0] == "unused") == bool(asked)


async def test_a_lease_is_not_sent_before_its_moment(ours):
    slot = Leased.slot = FakeSlot("127.0.0.1", not_before=clock.now() + 1.0)
    async with serving() as server:
        await run(ours(Leased), Request(server.url()))
    assert server.arrivals[0].at >= slot.not_before


async def test_a_blocked_host_gets_nothing(ours):
    async with serving() as server:
        spider = await run(ours(pacer=FakePacer(blocked=("127.0.0.1",))), Request(server.url()))
    assert [type(error) for error in spider.failed] == [HostBlocked]
    assert server.arrivals == []


class Around(OneByOne):
    """Fetches one page round the scheduler."""

    async def parse(self, response, **kwargs):
        self.got.append(await self.crawler.engine.download_async(Request(response.urljoin("/around"))))


async def test_requests_round_the_scheduler_are_paced(ours):
    pacer = FakePacer(delay=0.1)
    async with serving() as server:
        await run(ours(Around, pacer=pacer), Request(server.url("/page")))
    assert server.paths == ["/page", "/around"]
    assert len(pacer.slots) == 2
    assert min(server.gaps()) >= 0.1


async def test_failed_and_cancelled_downloads_end_their_slot_once(ours):
    pacer, held = FakePacer(), asyncio.Event()
    async with serving(lambda arrival: Answer(wait=held)) as server:
        crawler = ours(pacer=pacer)
        crawl = asyncio.create_task(run(crawler, Request(server.url(), meta={"download_timeout": 30})))
        await server.until(1)
        handler = crawler.engine.downloader.handlers._handlers["http"]
        direct = asyncio.create_task(handler.download_request(Request(server.url("/direct", "127.0.0.2"))))
        waiting = asyncio.create_task(handler.download_request(Request(server.url("/waits", "127.0.0.2"))))
        await server.until(2)
        waiting.cancel()
        direct.cancel()
        await asyncio.gather(direct, waiting, return_exceptions=True)
        held.set()
        await crawl
    assert sorted(slot.host for slot in pacer.slots) == ["127.0.0.1", "127.0.0.2"]
    assert [len(slot.ends) for slot in pacer.slots] == [1, 1]
    assert server.paths == ["/", "/direct"]


async def test_a_refused_connection_ends_its_slot_with_age_zero(ours):
    pacer = FakePacer()
    async with serving() as server:
        pass
    spider = await run(ours(pacer=pacer), Request(server.url(), meta={"dont_retry": True}))
    assert len(spider.failed) == 1
    assert [(slot.ends, slot.looks) for slot in pacer.slots] == [([(0.0, Outcome("none"))], 1)]


class OldHandler:
    """A handler of the old kind: Deferreds, a spider argument, no `lazy`."""

    closed = 0

    def __init__(self, crawler):
        pass

    @classmethod
    def from_crawler(cls, crawler):
        return cls(crawler)

    def download_request(self, request, spider):
        return succeed(Response(request.url, body=spider.name.encode()))

    def close(self):
        type(self).closed += 1


class Refusing:
    lazy = True

    def __init__(self):
        raise NotConfigured("no such thing here")


async def test_an_old_style_handler_is_asked_and_closed_as_scrapy_does():
    pacer = FakePacer()
    OldHandler.closed = 0
    spider = await run(
        scrapys(pacer=pacer, DOWNLOAD_HANDLERS={"http": OldHandler}),
        Request("http://a.example/"),
        Request("http://b.example/"),
    )
    assert [response.body for response in spider.got] == [b"one", b"one"]
    assert [(slot.looks, slot.ends) for slot in pacer.slots] == [(1, [(0.0, SUCCESS)])] * 2
    assert OldHandler.closed == 1


async def test_the_last_look_comes_before_a_handler_that_shows_no_connection():
    pacer = FakePacer()
    pacer.fence_first = 1
    spider = await run(scrapys(pacer=pacer, DOWNLOAD_HANDLERS={"http": OldHandler}), Request("http://a.example/"))
    assert len(spider.got) == 1
    assert [(slot.looks, slot.ends[0] == "unused") for slot in pacer.slots] == [(1, True), (1, False)]


async def test_a_handler_that_is_not_configured_says_so():
    spider = await run(scrapys(DOWNLOAD_HANDLERS={"http": Refusing}), Request("http://a.example/"))
    assert [(type(error), str(error)) for error in spider.failed] == [
        (NotSupported, "Unsupported URL scheme 'http': no such thing here")
    ]


@pytest.mark.parametrize(
    ("status", "headers", "outcome"),
    [
        (200, {}, Outcome("success")),
        (404, {}, Outcome("success")),
        (500, {}, Outcome("none")),
        (429, {}, Outcome("slow_down")),
        (503, {"Retry-After": "7"}, Outcome("slow_down", 7.0)),
        (503, {"Retry-After": "999999999999"}, Outcome("slow_down", 86_400.0)),
        (429, {"Retry-After": "soon"}, Outcome("slow_down")),
        (429, {"Retry-After": "-5"}, Outcome("slow_down")),
        (
            429,
            {"Retry-After": formatdate(90, usegmt=True), "Date": formatdate(60, usegmt=True)},
            Outcome("slow_down", 30),
        ),
        (
            429,
            {"Retry-After": formatdate(60, usegmt=True), "Date": formatdate(90, usegmt=True)},
            Outcome("slow_down", 0),
        ),
        (200, {"Retry-After": "7"}, Outcome("success")),
    ],
)
def test_what_an_answer_says_of_the_pace(status, headers, outcome):
    assert outcome_of(Response("http://a.example/", status=status, headers=headers)) == outcome


def test_a_date_without_the_servers_clock_is_read_by_ours():
    response = Response("http://a/", status=503, headers={"Retry-After": formatdate(time.time() + 100, usegmt=True)})
    assert 90 < outcome_of(response).retry_after <= 100


def test_no_answer_says_nothing():
    assert outcome_of(None) == Outcome("none")


def test_the_installed_aiohttp_has_what_the_gate_uses():
    assert sending.missing_names() == []
