"""What a CrawlSpider gives, as a plain generator where nothing in it waits: then CHAIN and STEPPING can take it.

Replaces: `CrawlSpider._parse` and `._callback`, whose `parse_with_rules` is an asynchronous generator for every page.
Steps aside: where one of these is not Scrapy's any more. For one page: a spider with a `parse_with_rules` or
`_parse_response` of its own; a callback that waits.
Holds for: Scrapy 2.19 (process-wide).
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import Any, Final

from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.spiders import CrawlSpider
from scrapy.utils.spider import iterate_spider_output

from crawlfleet_worker.fast.stock import put, require_defined_in
from crawlfleet_worker.fast.tally import fell_back

_OWN: Final = ("RULES", "own_methods")
_WAITS: Final = ("RULES", "async_callback")
_stock_parse: Final = CrawlSpider._parse
_stock_callback: Final = CrawlSpider._callback
_METHODS: Final = ("parse_with_rules", "_parse_response")

Callback = Callable[..., Any]


def install(_crawler: Crawler) -> None:
    """Let what CrawlSpiders give be plain. StepAside where somebody else has replaced their methods."""
    if CrawlSpider._parse is parse:
        return
    for name in ("_parse", "_callback", *_METHODS):
        require_defined_in(getattr(CrawlSpider, name), "scrapy")
    put(CrawlSpider, "_parse", parse)
    put(CrawlSpider, "_callback", called)


def parse(self: Any, response: Response, **named: Any) -> Any:  # noqa: ANN401 - Scrapy's own signature
    """Return what a page of the start gives."""
    if not _is_stock(self):
        return _stock_parse(self, response, **named)
    return _given(self, response, self.parse_start_url, named, follow=True)


def called(self: Any, response: Response, **named: Any) -> Any:  # noqa: ANN401 - Scrapy's own signature
    """Return what a page that a rule led to gives."""
    if not _is_stock(self):
        return _stock_callback(self, response, **named)
    rule = self._rules[response.meta["rule"]]
    return _given(self, response, rule.callback, {**rule.cb_kwargs, **named}, follow=rule.follow)


parse.__name__, called.__name__ = "_parse", "_callback"  # requests carry their callback's name


def _is_stock(spider: Any) -> bool:  # noqa: ANN401 - a CrawlSpider
    kind = type(spider)
    own = vars(spider)
    stock = all(getattr(kind, name) is getattr(CrawlSpider, name) and name not in own for name in _METHODS)
    if not stock:
        fell_back(_OWN)
    return stock


def _given(
    spider: Any,  # noqa: ANN401
    response: Response,
    callback: Callback | None,
    named: dict[str, Any],
    *,
    follow: bool,
) -> Iterator[Any] | AsyncIterator[Any]:
    """Call the callback; its exception is raised when the first object is asked for, as Scrapy's generator does."""
    try:
        results = (callback(response, **named) or ()) if callback else None
    except Exception as error:
        return _raising(error)
    if isinstance(results, AsyncIterator | Awaitable):
        fell_back(_WAITS)
        found: AsyncIterator[Any] = spider.parse_with_rules(response, _returning(results), {}, follow)
        return found
    return _plain(spider, response, results, follow=follow)


def _plain(spider: Any, response: Response, results: Any, *, follow: bool) -> Iterator[Any]:  # noqa: ANN401
    if results is not None:
        yield from _iterated(spider.process_results(response, results))
    if follow and spider._follow_links:
        yield from spider._requests_to_follow(response)


def _iterated(results: object) -> Iterable[Any]:
    found: Iterable[Any] = iterate_spider_output(results)
    return found


def _returning(results: object) -> Callback:
    return lambda _response: results


def _raising(error: Exception) -> Iterator[Any]:
    raise error
    yield
