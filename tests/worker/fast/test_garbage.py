"""Is what is alive put aside, and only where nobody has set up the collector himself?"""

import gc
import weakref

import pytest

from crawlfleet_worker.fast import garbage
from crawlfleet_worker.fast.stock import StepAside


@pytest.fixture(autouse=True)
def collector():
    before = gc.get_threshold()
    gc.set_threshold(*garbage.PYTHONS)
    yield
    gc.enable()
    gc.unfreeze()
    gc.set_threshold(*before)


class Ring:
    def __init__(self):
        self.itself = self


def test_what_is_garbage_goes_and_what_is_alive_is_put_aside():
    kept, gone = Ring(), weakref.ref(Ring())
    garbage.install(None)
    assert gone() is None
    assert gc.get_freeze_count() > 1_000
    assert kept not in gc.get_objects()
    assert gc.get_threshold() == garbage.THRESHOLDS
    later = weakref.ref(Ring())
    gc.collect()
    assert later() is None


def test_a_second_time_is_no_matter():
    garbage.install(None)
    garbage.install(None)


def test_thresholds_of_the_users_stay():
    gc.set_threshold(10_000, 20, 20)
    with pytest.raises(StepAside, match="10000"):
        garbage.install(None)
    assert gc.get_threshold() == (10_000, 20, 20)


def test_a_collector_that_is_off_stays_off():
    gc.disable()
    with pytest.raises(StepAside, match="off"):
        garbage.install(None)
    assert not gc.isenabled()
