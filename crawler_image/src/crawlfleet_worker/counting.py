"""What happened on the wire and in the spider? Scrapy's signals, turned into the counters of the contract.

Pages come from the signal `response_downloaded`: it is sent for every response that a download handler
delivers, before any middleware sees it. So retries, redirects, robots.txt and media count, cached responses
do not, and the body is still as it came (compressed where the server compressed it).
"""

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest, StopDownload
from scrapy.http import Response

from crawlfleet_frontier import counters
from crawlfleet_frontier.client.counts import Counts as FrontierCounts
from crawlfleet_worker.counts import Counts
from crawlfleet_worker.engine import session_of
from crawlfleet_worker.failures import kind_of
from crawlfleet_worker.frontier.robots import RobotsUnavailable

AnyCounts = Counts | FrontierCounts
_HTTP = ("http://", "https://")


class CountingExtension:
    """Counts pages, bytes, items and the errors of callbacks and pipelines."""

    def __init__(self, counts: AnyCounts) -> None:
        self.counts = counts

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "CountingExtension":
        """Connect to the signals of this crawler."""
        extension = cls(session_of(crawler).counts)
        crawler.signals.connect(extension.response_downloaded, signal=signals.response_downloaded)
        crawler.signals.connect(extension.spider_error, signal=signals.spider_error)
        crawler.signals.connect(extension.item_scraped, signal=signals.item_scraped)
        crawler.signals.connect(extension.item_dropped, signal=signals.item_dropped)
        crawler.signals.connect(extension.item_error, signal=signals.item_error)
        return extension

    def response_downloaded(self, response: Response, request: Request) -> None:
        """Count one response as the server sent it."""
        if request.url.startswith(_HTTP):
            count_response(self.counts, response)

    def spider_error(self) -> None:
        """Count a callback, an errback or start() that raised."""
        self.counts.add(counters.labelled(counters.ERRORS, "spider"))

    def item_scraped(self) -> None:
        """Count an item that passed all pipelines."""
        self.counts.add(counters.ITEMS)

    def item_dropped(self) -> None:
        """Count an item that a pipeline dropped."""
        self.counts.add(counters.ITEMS_DROPPED)

    def item_error(self) -> None:
        """Count a pipeline that raised."""
        self.counts.add(counters.labelled(counters.ERRORS, "pipeline"))


class FailureCounter:
    """Downloader middleware next to the wire: counts each attempt that ended with an exception."""

    def __init__(self, counts: AnyCounts) -> None:
        self.counts = counts

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "FailureCounter":
        """Build it for this crawler."""
        return cls(session_of(crawler).counts)

    def process_exception(self, request: Request, exception: Exception) -> None:
        """Count and let the exception pass. A request that a middleware ignores is no error."""
        if isinstance(exception, (IgnoreRequest, RobotsUnavailable)):
            return
        if isinstance(exception, StopDownload):
            if exception.response is not None:
                count_response(self.counts, exception.response)
            return
        self.counts.add(counters.labelled(counters.ERRORS, kind_of(exception)))


def count_response(counts: AnyCounts, response: Response) -> None:
    """Count status class, bytes and, from 400 on, an error."""
    counts.add(counters.labelled(counters.PAGES, status_class(response.status)))
    counts.add(counters.RESPONSE_BYTES, len(response.body))
    if 400 <= response.status < 600:
        counts.add(counters.labelled(counters.ERRORS, f"http_{status_class(response.status)}"))


def status_class(status: int) -> str:
    """Return `2xx` for 200, and `other` for a status that HTTP does not know."""
    return f"{status // 100}xx" if 100 <= status < 600 else "other"
