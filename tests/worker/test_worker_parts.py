"""The worker's pure parts: the environment, seeds, kinds of errors, increments, the age of start methods."""

import ssl

import aiohttp
import pytest
from scrapy import FormRequest, Spider
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
)

from crawlfleet_frontier import counters
from crawlfleet_worker.contract import VARIABLES, read_contract
from crawlfleet_worker.counting import status_class
from crawlfleet_worker.counts import Counts
from crawlfleet_worker.exits import ExitCode, WorkerExit, last_line
from crawlfleet_worker.failures import kind_of
from crawlfleet_worker.seeding import give_start
from crawlfleet_worker.seeds import request_from_seed

GOOD = {
    "CRAWLFLEET_JOB_UID": "0f4c-1",
    "CRAWLFLEET_JOB_NAME": "books",
    "CRAWLFLEET_NAMESPACE": "default",
    "CRAWLFLEET_POD_UID": "pod-1",
    "CRAWLFLEET_REDIS_URL": "redis://:secret@redis:6379",
    "CRAWLFLEET_ENGINE": "ScrapyRedis",
    "CRAWLFLEET_SPIDER": "books",
    "CRAWLFLEET_SPIDER_ARGUMENTS": '{"category": "travel"}',
    "CRAWLFLEET_SPIDER_SETTINGS": "{}",
    "CRAWLFLEET_SEEDS": '{"type": "RedisKey", "key": "books:start_urls"}',
    "CRAWLFLEET_GRACE_SECONDS": "60",
}


def test_a_whole_environment():
    contract = read_contract(GOOD)
    assert contract.arguments == {"category": "travel"}
    assert (contract.seeds.type, contract.seeds.key) == ("RedisKey", "books:start_urls")
    assert set(GOOD) == set(VARIABLES)


@pytest.mark.parametrize("name", VARIABLES)
def test_each_variable_is_needed(name):
    with pytest.raises(WorkerExit) as caught:
        read_contract({key: value for key, value in GOOD.items() if key != name})
    assert caught.value.code is ExitCode.CONTRACT_BROKEN
    assert caught.value.message.startswith(f"{name}: it is missing")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CRAWLFLEET_JOB_UID", "a b"),
        ("CRAWLFLEET_REDIS_URL", "http://secret"),
        ("CRAWLFLEET_ENGINE", "Other"),
        ("CRAWLFLEET_SPIDER_ARGUMENTS", "[]"),
        ("CRAWLFLEET_SPIDER_ARGUMENTS", '{"n": 1}'),
        ("CRAWLFLEET_SPIDER_SETTINGS", "{"),
        ("CRAWLFLEET_SEEDS", '{"type": "RedisKey"}'),
        ("CRAWLFLEET_SEEDS", '{"type": "Other"}'),
        ("CRAWLFLEET_GRACE_SECONDS", "1m"),
    ],
)
def test_a_wrong_variable_is_named_and_never_quoted_with_its_secret(name, value):
    with pytest.raises(WorkerExit) as caught:
        read_contract({**GOOD, name: value})
    assert caught.value.message.startswith(f"{name}: ")
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    ("seed", "method", "url", "meta"),
    [
        (b"https://a.example/", "GET", "https://a.example/", {}),
        (b" https://a.example/\xc3\xbc\n", "GET", "https://a.example/%C3%BC", {}),
        (b'{"url": "https://a.example/", "meta": {"k": 1}}', "GET", "https://a.example/", {"k": 1}),
        (b'{"url": "https://a.example/", "method": "post", "q": "x"}', "POST", "https://a.example/", {}),
    ],
)
def test_seeds_become_requests(seed, method, url, meta):
    request = request_from_seed(seed)
    assert (request.method, request.url, request.meta, request.dont_filter) == (method, url, meta, True)
    if method == "POST":
        assert isinstance(request, FormRequest)
        assert request.body == b"q=x"


@pytest.mark.parametrize("seed", [b"no url", b'{"link": "https://a.example/"}', b'{"url": 3}', b"[1]"])
def test_what_is_no_seed_is_an_error(seed):
    with pytest.raises(ValueError, match=r"url|Missing scheme"):
        request_from_seed(seed)


def caused(outer: Exception, cause: BaseException) -> Exception:
    outer.__cause__ = cause
    return outer


@pytest.mark.parametrize(
    ("exception", "kind"),
    [
        (DownloadTimeoutError(), "timeout"),
        (CannotResolveHostError(), "dns"),
        (DownloadConnectionRefusedError(), "connection"),
        (caused(DownloadConnectionRefusedError(), ssl.SSLError("handshake")), "tls"),
        (caused(DownloadFailedError(), aiohttp.ServerDisconnectedError()), "connection"),
        (DownloadFailedError(), "download"),
        (KeyError("x"), "download"),
    ],
)
def test_kinds_of_download_errors(exception, kind):
    assert kind_of(exception) == kind
    assert kind in counters.ERROR_KINDS


@pytest.mark.parametrize(("status", "name"), [(200, "2xx"), (101, "1xx"), (599, "5xx"), (999, "other"), (0, "other")])
def test_status_classes(status, name):
    assert status_class(status) == name
    assert name in counters.STATUS_CLASSES


def test_increments_that_were_not_applied_come_again():
    counts = Counts()
    counts.add("items", 2)
    taken = counts.take()
    counts.add("items")
    counts.put_back(taken)
    assert counts.take() == {"items": 3}
    assert counts.take() == {}


def test_last_line_says_what_and_where():
    try:
        raise LookupError("no such shelf")
    except LookupError as error:
        line = last_line(error)
    assert line.startswith("LookupError: no such shelf (worker/test_worker_parts.py:")


class OnlyOld(Spider):
    name = "only-old"

    def start_requests(self):
        return ["old"]


class OldBelowNew(OnlyOld):
    async def start(self):
        yield "new"


class Both(Spider):
    name = "both"

    def start_requests(self):
        return ["old"]

    async def start(self):
        yield "new"


@pytest.mark.parametrize(("spider", "first"), [(OnlyOld(), "old"), (OldBelowNew(), "new"), (Both(), "new")])
async def test_the_younger_start_method_is_called(spider, first):
    give_start(spider)
    assert [request async for request in spider.start()] == [first]
