"""Are the short ways for plain URLs the same as Scrapy's, for 20,000 of them, and is the short way mostly taken?"""

import random
from types import SimpleNamespace
from urllib.parse import urljoin

import pytest
import scrapy.http.request
import scrapy.http.response.text
from scrapy import Request, Spider
from scrapy.core.downloader.middleware import DownloaderMiddlewareManager
from scrapy.downloadermiddlewares.offsite import OffsiteMiddleware
from scrapy.exceptions import IgnoreRequest
from scrapy.http import HtmlResponse
from scrapy.settings import Settings
from scrapy.spidermiddlewares.referer import RefererMiddleware
from scrapy.utils.request import fingerprint as scrapys_fingerprint
from scrapy.utils.test import get_crawler
from w3lib.url import safe_url_string

from crawlfleet_worker.fast import fingerprints, offsite, urls
from crawlfleet_worker.fast.offsite import Judge
from crawlfleet_worker.fast.referers import Referers
from crawlfleet_worker.fast.stock import StepAside
from tests.worker.fast import odd_urls

COUNT = 20_000
ENCODINGS = ("utf-8", "utf-8", "latin-1", "cp1252", "utf-16", "gb18030")


def outcome(function, *arguments):
    try:
        return function(*arguments)
    except Exception as error:
        return type(error), str(error)


def requests(choice: random.Random, count: int) -> "list[Request]":
    found = []
    while len(found) < count:
        try:
            found.append(Request(odd_urls.url(choice)))
        except ValueError:
            continue
    return found


def test_a_plain_url_is_safe_as_it_is():
    choice, asked = random.Random(1), []
    quoted = urls.quoting(lambda *given: asked.append(given) or safe_url_string(*given))
    for _ in range(COUNT):
        one, encoding = odd_urls.url(choice), choice.choice(ENCODINGS)
        assert outcome(quoted, one, encoding) == outcome(safe_url_string, one, encoding), (one, encoding)
    assert len(asked) < 0.8 * COUNT


def test_a_rooted_link_is_joined_by_putting_the_origin_before_it():
    choice, asked = random.Random(2), []
    joined = urls.joining(lambda *given: asked.append(given) or urljoin(*given))
    for _ in range(COUNT):
        base, link = odd_urls.url(choice), odd_urls.link(choice)
        assert outcome(joined, base, link) == outcome(urljoin, base, link), (base, link)
    assert len(asked) < 0.95 * COUNT


def test_a_plain_get_has_the_fingerprint_that_scrapy_gives_it():
    choice, short = random.Random(3), 0
    for one in requests(choice, COUNT):
        method, body = choice.choice(["GET", "GET", "GET", "POST", "get"]), choice.choice([b"", b"", b"x"])
        request = one.replace(method=method, body=body, meta={"verbatim_url": True} if choice.random() < 0.1 else {})
        short += bool(fingerprints.CANONICAL.fullmatch(request.url))
        assert fingerprints.fingerprint(request) == scrapys_fingerprint(request), request.url
    assert short > 0.2 * COUNT


def pages_and_links(choice: random.Random) -> "tuple[HtmlResponse, Request]":
    page, link = requests(choice, 2)
    headers = {"Referrer-Policy": choice.choice(["origin", "no-referrer", "what?"])} if choice.random() < 0.1 else {}
    response = HtmlResponse(page.url, headers=headers, request=page)
    if choice.random() < 0.1:
        link.headers["Referer"] = "http://own.example/"
    if choice.random() < 0.1:
        link.meta["referrer_policy"] = choice.choice(["same-origin", "unsafe-url", "nonsense"])
    return response, link


@pytest.mark.filterwarnings("ignore:Could not load referrer policy")
def test_a_link_has_the_referer_that_scrapy_gives_it():
    choice, asked = random.Random(4), []
    stock = RefererMiddleware(Settings())
    short = Referers(lambda *given: asked.append(given) or stock.get_processed_request(*given))
    for _ in range(COUNT // 2):
        response, link = pages_and_links(choice)
        for one in (link, link.replace(url="http://example.com/a"), link.replace(url="https://example.com/b")):
            expected = stock.get_processed_request(one.copy(), response)
            assert short.process(one, response).headers == expected.headers, (response, one)
    assert len(asked) < 0.9 * 3 * COUNT // 2


def judged(judge, request) -> bool:
    try:
        judge(request)
    except IgnoreRequest:
        return False
    return True


@pytest.mark.parametrize("domains", [None, [], ["example.com"], ["b-c.example", "127.0.0.1"], ["com", None]])
def test_the_same_requests_are_off_site(domains):
    crawler = get_crawler(Spider)
    crawler.spider = Spider(name="one", allowed_domains=domains)
    stock, short = (OffsiteMiddleware.from_crawler(crawler) for _ in range(2))
    for one in (stock, short):
        one.spider_opened(crawler.spider)
    judge, choice = Judge(short), random.Random(5)
    for number, request in enumerate(requests(choice, COUNT // 4)):
        if number == COUNT // 8:
            crawler.spider.allowed_domains = ["a.b-c.example"]
        request.dont_filter = choice.random() < 0.1
        if choice.random() < 0.1:
            request.meta["allow_offsite"] = True
        assert judged(judge.process_request, request) == judged(stock.process_request, request), request


async def test_the_downloader_asks_the_one_that_remembers(monkeypatch):
    crawler = get_crawler(Spider)
    crawler.spider = Spider(name="one", allowed_domains=["example.com"])
    manager = DownloaderMiddlewareManager(OffsiteMiddleware.from_crawler(crawler), crawler=crawler)
    crawler.engine = SimpleNamespace(downloader=SimpleNamespace(middleware=manager))
    offsite.install(crawler)
    asked, stock = [], OffsiteMiddleware.should_follow
    monkeypatch.setattr(OffsiteMiddleware, "should_follow", lambda *given: asked.append(given) or stock(*given))
    for number in range(3):
        request = Request(f"http://example.com/{number}")
        assert await manager.download_async(answered, request) is request
    assert len(asked) == 1
    with pytest.raises(IgnoreRequest):
        await manager.download_async(answered, Request("http://off.example/"))


async def answered(request):
    return request


def test_a_function_that_somebody_else_replaced_stays(monkeypatch):
    monkeypatch.setattr(scrapy.http.request, "safe_url_string", lambda url, encoding: url)
    with pytest.raises(StepAside, match="safe_url_string was replaced"):
        urls.install(get_crawler(Spider))
