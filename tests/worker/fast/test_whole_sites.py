"""Whole spiders over what sites and users do, with Scrapy's handler and with ours: the same as with Scrapy's code?"""

import ssl

import pytest

from cluster.certificates import Authority
from tests.worker.fast import habits
from tests.worker.fast.crawling import assert_same, twice
from tests.worker.fast.sites import site
from tests.worker.frontier.server import serving

ELSEWHERE = {"DOWNLOADER_MIDDLEWARES": {habits.Elsewhere: 1}}

CASES = {
    "moved": (habits.Visitor, "/moved", {"REDIRECT_MAX_TIMES": 3}),
    "encodings": (habits.Visitor, "/encodings/", {}),
    "bases": (habits.Visitor, "/bases", {**ELSEWHERE, "DEPTH_LIMIT": 3}),
    "packed": (habits.Visitor, "/packed/", {"DOWNLOAD_MAXSIZE": 100_000}),
    "cookies": (habits.Jars, "/cookies", {}),
    "authorised": (habits.Authorised, "/guarded", {}),
    "unauthorised": (habits.Unauthorised, "/guarded", {"HTTPERROR_ALLOWED_CODES": [401]}),
    "custom settings": (habits.Customised, "/steps/0", {}),
    "kept": (habits.Keeping, "/steps/0", {}),
    "start raises": (habits.StartRaising, "/steps/0", {}),
    "failing": (habits.Visitor, "/steps/0", {"DOWNLOADER_MIDDLEWARES": {habits.Failing: 450}}),
    "failing of old": (habits.Visitor, "/steps/0", {"DOWNLOADER_MIDDLEWARES": {habits.FailingOfOld: 450}}),
    "failing worse": (habits.Visitor, "/steps/0", {"DOWNLOADER_MIDDLEWARES": {habits.FailingWorse: 450}}),
    "around": (habits.Visitor, "/steps/0", {"SPIDER_MIDDLEWARES": {habits.Around: 450}}),
    "around of old": (habits.Visitor, "/steps/0", {"SPIDER_MIDDLEWARES": {habits.AroundOfOld: 450}}),
    "around both": (habits.Visitor, "/steps/0", {"SPIDER_MIDDLEWARES": {habits.AroundBoth: 450}}),
    "failing around": (habits.Visitor, "/steps/0", {"SPIDER_MIDDLEWARES": {habits.FailingAround: 450}}),
    "pipelines of old": (habits.Visitor, "/steps/0", {"ITEM_PIPELINES": {habits.PipelineOfOld: 1}}),
    "stopped": (habits.Visitor, "/steps/0", {"EXTENSIONS": {habits.Stopping: 1}}),
    "robots": (habits.Visitor, "/steps/0", {"ROBOTSTXT_OBEY": True}),
}

pytestmark = [
    pytest.mark.usefixtures("all_put_back"),
    pytest.mark.filterwarnings("ignore::scrapy.exceptions.ScrapyDeprecationWarning"),
    pytest.mark.parametrize("own_http", [False, True], ids=["scrapys-handler", "own-handler"]),
]


async def same(kind, settings, server, caplog, own_http, **arguments):
    """Crawl with and without; AssertionError where it differs. Return what came with Scrapy's code."""
    settings = {"DEPTH_LIMIT": 5, "CRAWLFLEET_FAST_HTTP": own_http, **settings}
    stock, fast = await twice(kind, settings, server, caplog, **arguments)
    assert ("HTTP" in fast.on) == own_http
    assert {"URLS", "PAGES", "HEADERS", "STEPPING"} <= set(fast.on)
    assert_same(stock, fast)
    return stock


@pytest.mark.parametrize("case", CASES)
async def test_it_comes_to_the_same(case, own_http, caplog):
    kind, start, settings = CASES[case]
    async with serving(site) as server:
        stock = await same(kind, settings, server, caplog, own_http, starts=[server.url(start)])
    assert len(stock.told) > 10
    assert (stock.alive > 5) == (case == "kept")


async def test_a_host_of_another_script_is_on_site(own_http, caplog):
    domains = ["127.0.0.1", "xn--bcher-kva.example"]
    async with serving(site) as server:
        stock = await same(
            habits.Visitor, ELSEWHERE, server, caplog, own_http, starts=[server.url("/bases")], domains=domains
        )
    assert any("xn--bcher-kva" in about for _, about, *_ in stock.told)


async def test_files_are_fetched(own_http, caplog, tmp_path):
    settings = {"ITEM_PIPELINES": {"scrapy.pipelines.files.FilesPipeline": 1}}
    settings |= {"FILES_STORE": str(tmp_path), "FILES_EXPIRES": 0}
    async with serving(site) as server:
        stock = await same(habits.Filed, settings, server, caplog, own_http, starts=[server.url("/steps/0")])
    assert stock.stats["file_count"] > 10


async def test_a_proxy(own_http, caplog):
    async with serving(site) as server:
        meta = {"proxy": server.url("").replace("://", "://u:p@")}
        stock = await same(
            habits.Visitor,
            {},
            server,
            caplog,
            own_http,
            starts=["http://shop.example/", "http://o.example/x"],
            meta=meta,
        )
    assert "http://shop.example/" in stock.asked


async def test_tls(own_http, caplog, tmp_path):
    certificate = Authority.create(tmp_path).issue("server", "server", hosts=["127.0.0.1"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate, certificate.key)
    async with serving(site, tls=context) as server:
        start = server.url("/moved").replace("http:", "https:")
        stock = await same(habits.Visitor, {"REDIRECT_MAX_TIMES": 3}, server, caplog, own_http, starts=[start])
    assert stock.asked["/moved"] == 1
