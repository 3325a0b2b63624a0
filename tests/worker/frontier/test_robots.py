"""robots.txt as RFC 9309 says, one fetch per origin and fleet, and no page lost where nobody answers."""

import asyncio

import pytest
from scrapy import Request, signals
from scrapy.exceptions import IgnoreRequest

from crawlfleet_frontier.client import clock
from crawlfleet_worker.frontier.ports import wiring_of
from crawlfleet_worker.frontier.robots import RobotsUnavailable
from crawlfleet_worker.frontier.robots_fetch import LARGEST, origin_of
from tests.worker.frontier.crawls import OneByOne, ours, run, stock
from tests.worker.frontier.fakes import FakePacer, FakeSlot, MemoryRobots
from tests.worker.frontier.server import Answer, serving

RULES = b"User-agent: *\nDisallow: /private\nCrawl-delay: 2\n"


def obeys(host):
    return True


def site(answers=None, rules=RULES):
    answers = answers or {"/robots.txt": Answer(body=rules)}
    return lambda arrival: answers.get(arrival.path, Answer())


def pages(server, *paths, **fields):
    return [Request(server.url(path), **fields) for path in paths]


def outcome(spider, server):
    return sorted(response.url.removeprefix(server.url("")) for response in spider.got), [
        type(error) for error in spider.failed
    ]


async def test_pages_and_stats_are_those_of_stock_scrapy():
    seen = {}
    for name in ("ours", "stock"):
        crawler = ours(obeys=obeys, ROBOTSTXT_OBEY=True) if name == "ours" else stock(ROBOTSTXT_OBEY=True)
        async with serving(site()) as server:
            spider = await run(crawler, *pages(server, "/a", "/private/b", "/c"))
        stats = {key: value for key, value in crawler.stats.get_stats().items() if key.startswith("robotstxt/")}
        seen[name] = (outcome(spider, server), stats, sorted(server.paths))
    assert seen["ours"] == seen["stock"]
    assert seen["ours"][0] == (["/a", "/c"], [IgnoreRequest])


async def test_one_fetch_per_origin_for_workers_at_the_same_time_and_later():
    robots, pacer = MemoryRobots(), FakePacer()
    async with serving(site()) as server:
        await run(ours(obeys=obeys, robots=robots), *pages(server, "/a", "/b", "/c"))
        await run(ours(obeys=obeys, robots=robots, pacer=pacer), *pages(server, "/d"))
    assert server.paths.count("/robots.txt") == 1
    assert pacer.least == {("127.0.0.1", "robots"): 2.0}
    assert [(status, seconds) for _, status, _, seconds in robots.writes] == [("ok", 86_400.0)]


async def test_ports_are_origins_of_their_own():
    robots = MemoryRobots()
    async with serving(site()) as one, serving(site(rules=b"")) as other:
        crawler = ours(obeys=obeys, robots=robots)
        spider = await run(crawler, *pages(one, "/private"), *pages(other, "/private"))
    assert [response.url for response in spider.got] == [other.url("/private")]
    assert len(robots.writes) == 2


@pytest.mark.parametrize("status", [400, 401, 404, 410, 429])
async def test_4xx_allows_everything(status):
    async with serving(site({"/robots.txt": Answer(status)})) as server:
        spider = await run(ours(obeys=obeys), *pages(server, "/private"))
    assert outcome(spider, server) == (["/private"], [])


@pytest.mark.parametrize("answer", [Answer(500), Answer(503), Answer(drop=True)])
async def test_5xx_and_no_answer_let_the_page_wait_longer_and_longer(answer):
    robots, waits = MemoryRobots(), []
    async with serving(site({"/robots.txt": answer})) as server:
        for _ in range(8):
            spider = await run(ours(obeys=obeys, robots=robots, RETRY_ENABLED=False), *pages(server, "/a"))
            assert spider.got == []
            (error,) = spider.failed
            assert isinstance(error, RobotsUnavailable)
            assert not isinstance(error, IgnoreRequest)
            waits.append(round(error.again_in / 60))
            robots.run_out(origin_of(server.url()))
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    assert "/a" not in server.paths


async def test_an_unreachable_origin_is_asked_once_for_all_its_pages():
    async with serving(site({"/robots.txt": Answer(500)})) as server:
        spider = await run(ours(obeys=obeys, RETRY_ENABLED=False), *pages(server, "/a", "/b", "/c"))
    assert [type(error) for error in spider.failed] == [RobotsUnavailable] * 3
    assert server.paths == ["/robots.txt"]


async def test_while_another_worker_fetches_the_page_comes_again_soon():
    robots = MemoryRobots()
    async with serving(site()) as server:
        robots.claims[origin_of(server.url())] = clock.now() + 100
        spider = await run(ours(obeys=obeys, robots=robots), *pages(server, "/a"))
    assert server.paths == []
    assert 0 < spider.failed[0].again_in <= 5


@pytest.mark.parametrize(("redirects", "got"), [(5, []), (6, ["/private"])])
@pytest.mark.parametrize("enabled", [True, False])
async def test_up_to_five_redirects_are_followed(redirects, got, enabled):
    hops = {f"/hop{n}": Answer(301, (("Location", f"/hop{n + 1}"),)) for n in range(1, redirects)}
    answers = {"/robots.txt": Answer(302, (("Location", "/hop1"),)), **hops, f"/hop{redirects}": Answer(body=RULES)}
    async with serving(site(answers)) as server:
        spider = await run(ours(obeys=obeys, REDIRECT_ENABLED=enabled), *pages(server, "/private"))
    assert outcome(spider, server)[0] == got


async def test_what_is_behind_500_kib_is_not_read():
    long = RULES + b"#" * (LARGEST * 4) + b"\nDisallow: /late\n"
    robots = MemoryRobots()
    async with serving(site(rules=long)) as server:
        spider = await run(ours(obeys=obeys, robots=robots), *pages(server, "/late", "/private"))
    assert outcome(spider, server)[0] == ["/late"]
    assert len(robots.writes[0][2]) == LARGEST


async def test_the_policy_decides_live_whether_a_host_is_obeyed():
    asked = []

    def policy(host):
        asked.append(host)
        return len(asked) > 1

    async with serving(site()) as server:
        crawler = ours(obeys=policy, CONCURRENT_REQUESTS=1)
        spider = await run(crawler, *pages(server, "/private/1", "/private/2"))
    assert outcome(spider, server)[0] == ["/private/1"]
    assert asked == ["127.0.0.1"] * 2


async def test_dont_obey_robotstxt_is_as_in_scrapy():
    async with serving(site()) as server:
        spider = await run(ours(obeys=obeys), *pages(server, "/private", meta={"dont_obey_robotstxt": True}))
    assert outcome(spider, server) == (["/private"], [])
    assert server.paths == ["/private"]


@pytest.mark.parametrize(
    ("setting", "header", "got"),
    [("goodbot", "other", ["/private"]), (None, "goodbot/1", ["/private"]), (None, "x", [])],
)
async def test_the_user_agent_is_chosen_as_in_scrapy(setting, header, got):
    rules = RULES + b"User-agent: goodbot\nDisallow:\n"
    async with serving(site(rules=rules)) as server:
        crawler = ours(obeys=obeys, ROBOTSTXT_USER_AGENT=setting)
        spider = await run(crawler, *pages(server, "/private", headers={"User-Agent": header}))
    assert outcome(spider, server)[0] == got


@pytest.mark.skipif(not hasattr(signals, "robots_parsed"), reason="the signal came with Scrapy 2.18")
async def test_the_signal_is_sent():
    parsed = []

    def note(robotparser, request):
        parsed.append((robotparser.allowed(request.url, "x"), request.url))

    async with serving(site()) as server:
        crawler = ours(obeys=obeys)
        crawler.signals.connect(note, signals.robots_parsed)
        await run(crawler, *pages(server, "/a"))
    assert parsed == [(True, server.url("/a"))]


class OneSlot(OneByOne):
    """Each page comes with a slot, as from the scheduler; all of one host, which has but one."""

    async def start(self):
        wiring = wiring_of(self.crawler)
        async for request in super().start():
            wiring.slots.give(request, await wiring.pacer.slot(request))
            yield request


async def test_robots_and_pages_of_a_host_with_one_slot_do_not_wait_for_each_other():
    """A redirected robots.txt needs a second slot, while the next page of the host already waits for the rules."""
    pacer = FakePacer()
    answers = {"/robots.txt": Answer(301, (("Location", "/rules"),)), "/rules": Answer(body=RULES)}
    async with serving(site(answers)) as server, asyncio.timeout(20):
        spider = await run(ours(OneSlot, pacer=pacer, obeys=obeys), *pages(server, "/a", "/b", "/c"))
    assert outcome(spider, server)[0] == ["/a", "/b", "/c"]
    assert server.paths.count("/robots.txt") == 1
    assert all(len(slot.ends) == 1 for slot in pacer.slots)


class Given(OneByOne):
    slot: object = None

    async def start(self):
        async for request in super().start():
            wiring_of(self.crawler).slots.give(request, self.slot)
            yield request


async def test_robots_is_fetched_with_the_slot_of_the_page():
    slot = Given.slot = FakeSlot("127.0.0.1")
    pacer = FakePacer()
    async with serving(site()) as server:
        await run(ours(Given, pacer=pacer, obeys=obeys), *pages(server, "/a"))
    assert server.paths == ["/robots.txt", "/a"]
    assert len(slot.ends) == 1
    assert slot.ends[0] != "unused"
    assert pacer.asked == [server.url("/a")]


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://A.Example:80/x", "http://a.example"),
        ("https://a.example.:443/", "https://a.example"),
        ("http://a.example:443/", "http://a.example:443"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
        ("http://bücher.example/", "http://xn--bcher-kva.example"),
    ],
)
def test_origins(url, origin):
    assert origin_of(url) == origin
