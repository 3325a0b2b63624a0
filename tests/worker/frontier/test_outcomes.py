"""Does what happened to a request decide how its lease ends?"""

import asyncio

import pytest
from scrapy.exceptions import CloseSpider, DownloadTimeoutError, IgnoreRequest

from crawlfleet_worker.frontier.outcomes import IGNORED, Facts, decide
from crawlfleet_worker.frontier.ports import HostBlocked
from crawlfleet_worker.frontier.robots import RobotsUnavailable

CASES = {
    "a page": (Facts(status=200, called=True, output=True), "done", ""),
    "a 404 that nobody asked for": (Facts(status=404, output=True), "done", ""),
    "a 503 after all retries": (Facts(status=503, output=True), "dead", "Http5xx"),
    "a 429 after all retries": (Facts(status=429, output=True), "dead", "Http429"),
    "a 503 that the callback wanted": (Facts(status=503, called=True, output=True), "done", ""),
    "a time-out": (Facts(failure=DownloadTimeoutError()), "dead", "Timeout"),
    "a time-out that the errback took": (Facts(failure=TimeoutError(), called=True, output=True), "done", ""),
    "a time-out that the errback passed on": (Facts(failure=TimeoutError(), called=True), "dead", "Timeout"),
    "an errback that raised": (Facts(failure=TimeoutError(), called=True, error=KeyError("x")), "dead", "SpiderError"),
    "a callback that raised": (Facts(status=200, called=True, output=True, error=KeyError("x")), "dead", "SpiderError"),
    "a callback that closes the spider": (Facts(status=200, called=True, error=CloseSpider("enough")), "done", ""),
    "a retry": (Facts(again=True), "retry", ""),
    "a blocked host": (Facts(failure=HostBlocked("ads.example")), "dead", "Blocked"),
    "something else": (Facts(failure=ValueError("what")), "dead", "Download"),
    "a redirect": (Facts(), "done", ""),
    "a cancelled download": (Facts(failure=asyncio.CancelledError()), "dead", "Download"),
}


@pytest.mark.parametrize("case", CASES)
def test_how_it_ends(case):
    facts, kind, reason = CASES[case]
    verdict = decide(facts)
    assert (verdict.kind, verdict.reason) == (kind, reason)


def test_what_a_middleware_drops_is_done_and_counted():
    assert decide(Facts(failure=IgnoreRequest("offsite"))).counted == IGNORED


def test_a_page_without_robots_txt_waits_for_it():
    verdict = decide(Facts(failure=RobotsUnavailable("http://a.example", 120.0, "unreachable")))
    assert (verdict.kind, verdict.delay_ms) == ("retry", 120_000)


def test_the_last_line_says_where():
    try:
        raise ZeroDivisionError("by zero")
    except ZeroDivisionError as error:
        verdict = decide(Facts(status=200, called=True, error=error))
    assert verdict.error.startswith("ZeroDivisionError: by zero (frontier/test_outcomes.py:")
