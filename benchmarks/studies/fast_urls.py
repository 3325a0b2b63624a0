"""URLs, joins, fingerprints and headers, a million of them: the same with the fast paths as with Scrapy's code?"""

from collections.abc import Mapping
from typing import Any, Final

from benchmarks.records import Evidence
from tests.worker.fast import sameness

SAMPLES: Final = 50_000


def run(seed: int) -> Mapping[str, Any]:
    """Compare the samples of one seed; raises AssertionError with the first that differs."""
    return sameness.compared(seed, SAMPLES)


EVIDENCE: Final = Evidence(
    name="fast-urls",
    question="do 1,000,000 URLs and joins, kind and wild, come to the same with the fast paths as with Scrapy's code?",
    paths=(
        "crawler_image/src/crawlfleet_worker/fast/fingerprints.py",
        "crawler_image/src/crawlfleet_worker/fast/header_names.py",
        "crawler_image/src/crawlfleet_worker/fast/pages.py",
        "crawler_image/src/crawlfleet_worker/fast/urls.py",
        "tests/worker/fast/odd_urls.py",
        "tests/worker/fast/replaced.py",
        "tests/worker/fast/sameness.py",
        "benchmarks/studies/fast_urls.py",
    ),
    seeds=tuple(range(1, 21)),
    budget_seconds=600.0,
    run=run,
)
"""A seed is 50,000 samples: a URL, a base with a link, some headers, and for a tenth of them a page."""
