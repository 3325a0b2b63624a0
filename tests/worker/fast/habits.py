"""Spiders, middlewares, pipelines and extensions as users have them, of each old and new form."""

import scrapy
from scrapy import signals
from scrapy.exceptions import DontCloseSpider, DropItem, IgnoreRequest, StopDownload
from scrapy.http import HtmlResponse, TextResponse


class Visitor(scrapy.Spider):
    """Says of each page what came, and follows every link."""

    name = "visitor"

    def __init__(self, starts=(), meta=None, domains=None, **kwargs):
        super().__init__(**kwargs)
        self.starts, self.meta, self.allowed_domains = starts, meta or {}, domains

    async def start(self):
        for url in self.starts:
            yield scrapy.Request(url, errback=self.failed, meta=dict(self.meta))

    def parse(self, response):
        text = isinstance(response, TextResponse)
        yield {
            "url": response.url,
            "status": response.status,
            "encoding": text and response.encoding,
            "title": text and response.xpath("//h1/text()").get(),
            "body": hash(response.body),
            "flags": response.flags,
            "asked": sorted(response.request.headers.items()),
        }
        for link in response.xpath("//a/@href").getall() if type(response) is HtmlResponse else ():
            yield self.followed(response, link)

    def followed(self, response, link):
        try:
            return response.follow(link, errback=self.failed, meta=dict(self.meta))
        except ValueError as error:
            return {"page": response.url, "link": link, "refused": str(error)}

    def failed(self, failure):
        request = getattr(failure, "request", None)
        yield {"failed": type(failure.value).__name__, "url": request and request.url}


class Jars(Visitor):
    """Several sessions, and cookies of its own."""

    async def start(self):
        for jar in (1, 2):
            for url in self.starts:
                meta = {"cookiejar": jar, "dont_merge_cookies": False}
                yield scrapy.Request(url, cookies={"own": f"jar{jar}"}, meta=meta, dont_filter=True)

    def followed(self, response, link):
        jar = response.meta["cookiejar"]
        cookies = [{"name": "x", "value": "ü" if len(link) > 14 else "u", "path": "/cookies"}] if jar == 2 else {}
        return response.follow(link + f"?{jar}", meta={"cookiejar": jar}, cookies=cookies)


class Authorised(Visitor):
    """Logs in by HTTP authentication."""

    http_user, http_pass, http_auth_domain = "me", "s3cret", None


class Unauthorised(Authorised):
    """Keeps its password for another site."""

    http_auth_domain = "other.example"


class Pipeline:
    """Drops, raises and changes."""

    def process_item(self, item):
        number = item.get("url", "")[-1:]
        if number == "2":
            raise DropItem("two")
        if number == "3":
            raise OSError("three")
        return {**item, "passed": True}


class PipelineOfOld:
    """The same with the spider as an argument."""

    def open_spider(self, spider):
        assert spider.name

    def process_item(self, item, spider):
        return Pipeline().process_item({**item, "spider": spider.name})

    def close_spider(self, spider):
        raise RuntimeError("at the end of the pipeline")


class Customised(Visitor):
    """Has settings of its own."""

    custom_settings = {  # noqa: RUF012
        "ITEM_PIPELINES": {Pipeline: 1},
        "USER_AGENT": "mine",
        "DEFAULT_REQUEST_HEADERS": {"accept-language": "de", "x-ünï": "ö"},
        "HTTPERROR_ALLOW_ALL": True,
        "DEPTH_LIMIT": 3,
        "DEPTH_STATS_VERBOSE": True,
        "CRAWLFLEET_FAST_REFERERS": False,
    }


class Keeping(Visitor):
    """Keeps its pages, and wants one more at the end."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.kept = []

    @classmethod
    def from_crawler(cls, crawler, **kwargs):
        spider = super().from_crawler(crawler, **kwargs)
        crawler.signals.connect(spider.idle, signals.spider_idle)
        return spider

    def parse(self, response):
        self.kept.append(response)
        yield from super().parse(response)

    def idle(self):
        if not any("once-more" in page.url for page in self.kept):
            self.crawler.engine.crawl(scrapy.Request(self.starts[0] + "?once-more"))
            raise DontCloseSpider

    def closed(self, reason):
        raise RuntimeError("at the end")


class StartRaising(Visitor):
    """Raises in the middle of its start requests."""

    async def start(self):
        async for request in super().start():
            yield request
        raise RuntimeError("no more")


class Filed(Visitor):
    """Has a file fetched for each page."""

    def parse(self, response):
        number = response.url[-1]
        files = [response.urljoin(f"/files/{number}"), response.urljoin("/files/all"), "http://127.0.0.1:1/refused"]
        for one in super().parse(response):
            yield {**one, "file_urls": files} if isinstance(one, dict) else one


class Elsewhere:
    """Answers for every host but this one: nothing leaves the machine."""

    def process_request(self, request):
        if "127.0.0.1" in request.url or "proxy" in request.meta or request.url.startswith("data:"):
            return None
        return HtmlResponse(request.url, body=b"<h1>elsewhere</h1><a href=\xc3\xa4>x</a>", request=request)


def number_of(request) -> str:
    return request.url.rpartition("/")[2]


class Failing:
    """Raises at each step of a download, and takes exceptions up."""

    def process_request(self, request):
        if number_of(request) == "1":
            raise ValueError("on its way out")
        if number_of(request) == "9":
            raise IgnoreRequest("nine")

    def process_response(self, request, response):
        if number_of(request) in ("4", "5"):
            raise KeyError("on its way in")
        return response

    def process_exception(self, request, exception):
        number = number_of(request)
        if number == "9":
            return HtmlResponse(request.url + "?rescued", request=request)
        if number == "1" and "again" not in request.meta:
            return request.replace(url=request.url + "0", meta={"again": True})
        return None


class FailingOfOld:
    """The same with the spider as an argument."""

    def process_request(self, request, spider):
        return Failing().process_request(request)

    def process_response(self, request, response, spider):
        return Failing().process_response(request, response)

    def process_exception(self, request, exception, spider):
        return Failing().process_exception(request, exception)


class FailingWorse:
    """Raises where it should take an exception up."""

    def process_request(self, request):
        if number_of(request) == "1":
            raise ValueError("on its way out")

    def process_exception(self, request, exception):
        raise ZeroDivisionError("in the rescue")


class Around:
    """A spider middleware in the new form: start requests, results, exceptions."""

    async def process_start(self, start):
        async for request in start:
            request.meta["started"] = True
            yield request

    def process_spider_input(self, response):
        if response.url.endswith("/6"):
            raise TypeError("six")

    async def process_spider_output(self, response, result):
        async for one in result:
            yield {**one, "around": True} if isinstance(one, dict) else one

    def process_spider_exception(self, response, exception):
        return [{"rescued": repr(exception)}] if response.url.endswith("/6") else None


class AroundOfOld:
    """The same with the spider as an argument."""

    def process_spider_input(self, response, spider):
        Around().process_spider_input(response)

    async def process_spider_output(self, response, result, spider):
        async for one in result:
            yield {**one, "around": spider.name} if isinstance(one, dict) else one

    def process_spider_exception(self, response, exception, spider):
        return Around().process_spider_exception(response, exception)


class AroundBoth:
    """A generator of old beside an asynchronous one."""

    def process_spider_output(self, response, result):
        raise NotImplementedError

    async def process_spider_output_async(self, response, result):
        async for one in result:
            yield {**one, "around": "both"} if isinstance(one, dict) else one


class FailingAround:
    """Raises in the midst of the results."""

    async def process_spider_output(self, response, result):
        place = 0
        async for one in result:
            place += 1
            if place == 3 and response.url.endswith("/7"):
                raise LookupError("seven")
            yield one


class Stopping:
    """Stops downloads at their head or their first bytes."""

    @classmethod
    def from_crawler(cls, crawler):
        stopping = cls()
        crawler.signals.connect(stopping.at_the_head, signals.headers_received)
        crawler.signals.connect(stopping.at_the_body, signals.bytes_received)
        return stopping

    def at_the_head(self, request):
        if number_of(request) in ("1", "2"):
            raise StopDownload(fail=number_of(request) == "1")

    def at_the_body(self, request):
        if number_of(request) in ("3", "4"):
            raise StopDownload(fail=number_of(request) == "3")
