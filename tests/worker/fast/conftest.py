"""What a crawl with the fast paths replaces in this process is Scrapy's again after the test."""

import gc
from collections.abc import Iterator

import pytest

from tests.worker.fast.replaced import in_place


@pytest.fixture
def all_put_back() -> Iterator[None]:
    thresholds = gc.get_threshold()
    with in_place():
        yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)
