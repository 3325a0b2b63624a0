"""Real crawls of small sites with one fault each, judged as the long run's are (`make chaos`)."""

import pytest

from benchmarks.chaos import drawing, running
from tests.worker.worker_process import Zygote

PAGES = 160
RUNS = {"kill-in-download": 1, "lost-replies": 21, "redis-kill": 12, "flushall": 5}
"""Class, and the seed whose crawl meets it."""


@pytest.fixture(scope="module")
def zygote():
    forks = Zygote()
    yield forks
    forks.close()


@pytest.mark.parametrize("fault", RUNS)
def test_nothing_is_lost(fault, zygote, tmp_path):
    scenario = drawing.draw(RUNS[fault], [fault], PAGES)
    done = running.run(scenario, zygote, tmp_path)
    assert done.verdict.void == "", done.verdict
    assert done.verdict.wrong == [], done.verdict
    assert done.verdict.looks > 0
