"""Tests of Scrapy that do not pass with our fast paths, each with the reason and the test of ours that covers it."""

from collections.abc import Mapping
from typing import Final

MOST: Final = 10

_SAME_CRAWLS: Final = "tests/worker/fast/test_whole_crawls.py::test_a_crawl_comes_to_the_same_with_and_without"

EXCEPTIONS: Final[Mapping[str, str]] = {
    "tests.test_engine_loop.TestRequestSendOrder::test_lazy": (
        "STEPPING hands a callback's request on when it is yielded, some turns of the loop earlier: it is scheduled "
        f"before a start request that waits for the same moment. The same requests are sent: {_SAME_CRAWLS}[plain]"
    ),
    "tests.test_spidermiddleware.TestBuiltinMiddlewareSimple::test_just_builtin": (
        "CHAIN gives back a plain iterator where Scrapy gives an asynchronous one; the scraper, its only caller, takes "
        f"both: {_SAME_CRAWLS}[plain], [later]"
    ),
}
