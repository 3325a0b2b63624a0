"""What each link of a page asks of the page, worked out once for all of them.

Replaces: the property `TextResponse.encoding` and `get_base_url` in `scrapy.http.response.text` and
`scrapy.selector.unified`, which look through several tables of weak references each time, four times a link. The
latest page is remembered; one with a plain URL and no `<base` in its beginning is its own base.
Steps aside: where these are not Scrapy's any more. For one page: another one than the latest.
Holds for: Scrapy 2.19 (process-wide).
"""

from collections.abc import Callable
from typing import Any, Final
from weakref import ref

import scrapy.http.response.text
import scrapy.selector.unified
from scrapy.crawler import Crawler
from scrapy.http import TextResponse
from scrapy.utils.response import get_base_url

from crawlfleet_worker.fast.stock import StepAside, put, require_defined_in, require_same
from crawlfleet_worker.fast.urls import PLAIN

Asked = Callable[[Any], Any]

LOOKED_AT: Final = 4_096
"""Characters, as in Scrapy."""

_ASKING: Final = (scrapy.http.response.text, scrapy.selector.unified)


def install(_crawler: Crawler) -> None:
    """Let the latest page be remembered. StepAside where somebody else has replaced property or function."""
    encoding = vars(TextResponse)["encoding"]
    if not isinstance(encoding, property) or encoding.fget is None:
        raise StepAside("TextResponse.encoding was replaced")
    require_defined_in(encoding.fget, "scrapy")
    for module in _ASKING:
        require_same(module, "get_base_url", get_base_url)
    put(TextResponse, "encoding", property(of_latest(encoding.fget)))
    base = of_latest(base_of)
    for module in _ASKING:
        put(module, "get_base_url", base)


def base_of(page: Any) -> str:  # noqa: ANN401 - what the function is asked of
    """Return what the links of a page are relative to, as `scrapy.utils.response.get_base_url` does."""
    url: str = page.url
    if PLAIN.fullmatch(url) and "<base" not in page.text[:LOOKED_AT].lower():
        return url
    return get_base_url(page)


def of_latest(stock: Asked) -> Asked:
    """Return the function, with the answer for the latest page kept: a page is never changed."""
    latest: tuple[Callable[[], object], Any] = (lambda: None, None)

    def asked(page: Any) -> Any:  # noqa: ANN401 - what the function is asked of
        nonlocal latest
        known, answer = latest  # taken together: callbacks may use threads
        if known() is not page:
            answer = stock(page)
            latest = (ref(page), answer)
        return answer

    return asked
