"""A spider's own delays lengthen the fleet's pace: out of Scrapy's downloader, into the pacer, with one warning."""

import pytest
from scrapy import Request, Spider
from scrapy.http import Response
from scrapy.settings import Settings

from crawlfleet_worker.frontier.own_pace import DELEGATES, OWN_PACE, OwnPace, pacing_settings
from tests.worker.frontier.crawls import ours, run
from tests.worker.frontier.fakes import FakePacer
from tests.worker.frontier.server import serving


class Plain(Spider):
    name = "plain"


class Slow(Spider):
    name = "slow"
    download_delay = 3


def found(spider=Plain, **settings):
    return pacing_settings(Settings(settings, priority="project"), spider)


def test_without_a_word_of_the_project_scrapy_is_no_bottleneck_and_nothing_is_warned_of():
    plan = found()
    assert plan.warning == ""
    assert plan.values["CONCURRENT_REQUESTS"] == plan.values["CONCURRENT_REQUESTS_PER_DOMAIN"] == 64
    assert plan.values["DOWNLOAD_DELAY"] == 0
    assert plan.values[OWN_PACE] == {"delay": 0.0, "slots": {}}


@pytest.mark.parametrize(
    ("settings", "name", "value"),
    [
        ({"DOWNLOAD_DELAY": 2}, "delay", 2.0),
        ({"DOWNLOAD_SLOTS": {"a.example": {"delay": 4, "concurrency": 1}}}, "slots", {"a.example": 4.0}),
        (
            {"AUTOTHROTTLE_ENABLED": True, "AUTOTHROTTLE_MAX_DELAY": 9},
            "autothrottle",
            {"start": 5.0, "longest": 9.0, "concurrency": 1.0},
        ),
    ],
)
def test_own_delays_become_a_lower_bound_with_one_warning(settings, name, value):
    plan = found(**settings)
    assert plan.values[OWN_PACE][name] == value
    assert plan.values["DOWNLOAD_DELAY"] == 0
    assert plan.values["AUTOTHROTTLE_ENABLED"] is False
    assert all(slot["delay"] == 0 for slot in plan.values["DOWNLOAD_SLOTS"].values())
    assert next(iter(settings)) in plan.warning
    assert "spec.politeness" in plan.warning


def test_the_spiders_attribute_counts_like_the_setting():
    plan = found(Slow, DOWNLOAD_DELAY=1)
    assert plan.values[OWN_PACE]["delay"] == 3.0
    assert plan.warning.startswith("DOWNLOAD_DELAY, download_delay of the spider: ")


def test_a_limit_of_the_project_stays():
    values = found(CONCURRENT_REQUESTS=8, CONCURRENT_REQUESTS_PER_DOMAIN=2).values
    assert (values["CONCURRENT_REQUESTS"], values["CONCURRENT_REQUESTS_PER_DOMAIN"]) == (8, 2)
    assert found(CONCURRENT_REQUESTS=0).values["CONCURRENT_REQUESTS_PER_DOMAIN"] == 10_000


def test_the_projects_handlers_are_kept_to_be_wrapped():
    values = found(DOWNLOAD_HANDLERS={"http": "a.Handler", "https": None, "ftp": "b.Handler"}).values
    assert values[DELEGATES] == {"http": "a.Handler"}
    assert values["DOWNLOAD_HANDLERS"]["https"] is None
    assert values["DOWNLOAD_HANDLERS"]["ftp"] == "b.Handler"
    assert values["DOWNLOAD_HANDLERS"]["http"].endswith("PacedHttp")


REQUEST = Request("http://a.example/")


def answer(own, latency, status=200, **meta):
    request = REQUEST.replace(meta={"download_latency": latency, **meta})
    own.answered("a.example", request, Response(request.url, status=status))
    return own.delay_on("a.example", request)


def test_a_host_has_the_longest_delay_of_its_slots():
    own = OwnPace({"delay": 1.0, "slots": {"images": 6.0}})
    assert own.delay_on("a.example", REQUEST) == 1.0
    assert own.delay_on("a.example", REQUEST.replace(meta={"download_slot": "images"})) == 6.0
    assert own.delay_on("a.example", REQUEST) == 6.0
    assert own.delay_on("b.example", Request("http://b.example/")) == 1.0


def test_autothrottle_goes_on_as_in_scrapy():
    own = OwnPace({"delay": 0.5, "autothrottle": {"start": 5.0, "longest": 20.0, "concurrency": 2.0}})
    assert own.delay_on("a.example", REQUEST) == 5.0
    assert answer(own, 1.0) == (5.0 + 0.5) / 2
    assert answer(own, 0.0, status=500) == 2.75
    assert answer(own, 0.0, autothrottle_dont_adjust_delay=True) == 2.75
    assert answer(own, 100.0) == 20.0
    for _ in range(20):
        answer(own, 0.0)
    assert answer(own, 0.0) == 0.5


async def test_the_pacer_is_told_once_per_host_and_scrapy_adds_no_wait_of_its_own():
    pacer = FakePacer()
    async with serving() as server:
        spider = await run(ours(pacer=pacer, DOWNLOAD_DELAY=30), *(Request(server.url(f"/{n}")) for n in range(3)))
    assert len(spider.got) == 3
    assert pacer.least == {("127.0.0.1", "spider"): 30.0}
