"""URLs, joins, fingerprints and headers by the thousand, also wild ones: the same with the fast paths in place?

The long form is `make evidence-fast-urls`.
"""

import re

import pytest

from crawlfleet_worker.fast import fingerprints, urls
from tests.worker.fast import sameness

COUNT = 20_000


def test_twenty_thousand_come_to_the_same():
    counts = sameness.compared(7, COUNT)
    assert counts["urls"] == counts["joins"] == COUNT
    assert counts["pages"] > 0.05 * COUNT
    for short in ("plain_urls", "rooted_links", "links_beside", "canonical_gets"):
        assert counts[short] > 0.03 * COUNT, short


@pytest.fixture
def nothing_kept():
    urls.forget()
    yield
    urls.forget()


@pytest.mark.parametrize(
    ("owner", "name", "wrong"),
    [
        (urls, "PLAIN", r"https?://([a-z.]+)/.*"),
        (urls, "ROOTED", r"/\S*"),
        (urls, "CLEAN", r"(https?://[a-z.]+)(.*/).*"),
        (urls, "CLEAN_WITH_FRAGMENT", r"https?://[a-z.]+/\S*"),
        (urls, "AWAY", r"\S*:\S*"),
        (urls, "BESIDE", r"((?:\.\./)*)\S*"),
        (fingerprints, "CANONICAL", r"https?://example.com/.*"),
    ],
)
def test_a_short_way_that_takes_too_much_is_seen(owner, name, wrong, nothing_kept, monkeypatch):
    monkeypatch.setattr(owner, name, re.compile(wrong))
    with pytest.raises(AssertionError, match="Scrapy: "):
        sameness.compared(7, COUNT)
