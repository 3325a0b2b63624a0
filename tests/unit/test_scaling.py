"""The number of workers for a queue: tables and properties."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlfleet.conditions import Reason
from crawlfleet.job import QueueScaling
from crawlfleet.observed import JobMemory
from crawlfleet.policies import replicas
from crawlfleet.scaling import Rates, recommend, remember, stabilise
from tests import builders as b

QUEUE = QueueScaling(min_replicas=0, max_replicas=20, target_drain_seconds=600, stabilization_seconds=60)

backlogs = st.integers(0, 10**7)
scalings = st.builds(
    lambda low, more, drain: QueueScaling(low, low + more, drain, 60.0),
    st.integers(0, 50),
    st.integers(1, 200),
    st.floats(1, 86400),
)


@pytest.mark.parametrize(
    ("backlog", "workers", "reason"),
    [
        (0, 0, Reason.WITHIN_BOUNDS),
        (1, 1, Reason.WITHIN_BOUNDS),
        (4800, 1, Reason.WITHIN_BOUNDS),
        (4801, 2, Reason.WITHIN_BOUNDS),
        (96000, 20, Reason.WITHIN_BOUNDS),
        (96001, 20, Reason.MAX_REPLICAS),
        (10**9, 20, Reason.MAX_REPLICAS),
    ],
)
def test_the_queue_is_drained_in_the_target_time(backlog, workers, reason):
    wanted = recommend(backlog, QUEUE, Rates())
    assert (wanted.workers, wanted.limited) == (workers, reason)


def test_the_minimum_is_kept_and_named():
    wanted = recommend(0, QueueScaling(2, 5, 600, 60), Rates())
    assert (wanted.workers, wanted.limited) == (2, Reason.MIN_REPLICAS)
    assert "minReplicas (2)" in wanted.message


def test_arrivals_want_workers_of_their_own():
    assert recommend(4800, QUEUE, Rates(8.0, arrivals_per_second=16.0)).workers == 3


@given(backlogs, scalings)
def test_within_bounds(backlog, scaling):
    wanted = recommend(backlog, scaling, Rates())
    assert scaling.min_replicas <= wanted.workers <= scaling.max_replicas


@given(backlogs, backlogs, scalings)
def test_more_work_never_wants_fewer_workers(one, other, scaling):
    few, many = sorted((one, other))
    assert recommend(few, scaling, Rates()).workers <= recommend(many, scaling, Rates()).workers


@given(backlogs, scalings)
def test_zero_only_for_nothing(backlog, scaling):
    wanted = recommend(backlog, scaling, Rates()).workers
    assert (wanted == 0) == (backlog == 0 and scaling.min_replicas == 0)


@given(st.lists(st.tuples(st.floats(0.1, 30), st.integers(0, 30)), min_size=1, max_size=30))
def test_the_window_knows_its_maximum(looks):
    window, now, all_looks = (), 0.0, []
    for pause, workers in looks:
        now += pause
        all_looks.append((now, workers))
        window = remember(window, now, workers, 60.0)
        assert max(n for _, n in window) == max(n for time, n in all_looks if now - time < 60)
        assert [n for _, n in window] == sorted((n for _, n in window), reverse=True)
        assert len({n for _, n in window}) == len(window)


@pytest.mark.parametrize(
    ("window", "current", "workers", "watched", "expected"),
    [
        pytest.param(((0, 8),), 2, 8, False, 8, id="up in one jump, even unwatched"),
        pytest.param(((0, 8), (5, 3)), 8, 3, True, 8, id="no lower than the window's maximum"),
        pytest.param(((5, 3),), 8, 3, True, 3, id="down once the window is through"),
        pytest.param(((5, 3),), 8, 3, False, 8, id="a fresh process does not shrink"),
        pytest.param(((0, 9), (5, 3)), 4, 3, True, 4, id="never up because of the window"),
        pytest.param(((0, 0),), 1, 0, True, 0, id="to zero"),
    ],
)
def test_stabilised(window, current, workers, watched, expected):
    assert stabilise(window, current, workers, watched=watched) == expected


class Process:
    """What one operator process remembers of one job."""

    def __init__(self) -> None:
        self.memory = JobMemory()

    def decide(self, backlog: int, current: int, now: float) -> int:
        verdict = replicas.decide(b.job(), b.snapshot(backlog), 0, current, self.memory, now)
        self.memory = verdict.memory
        return verdict.desired


@given(st.lists(st.tuples(st.floats(0.5, 20), st.integers(0, 48000)), min_size=2, max_size=40))
def test_never_down_to_less_than_what_a_minute_wanted(looks):
    process, current, now, wanted = Process(), 0, 0.0, []
    for pause, backlog in looks:
        now += pause
        wanted.append((now, recommend(backlog, b.job().queue_scaling, Rates()).workers))
        desired = process.decide(backlog, current, now)
        if desired < current:
            assert now - wanted[0][0] >= 60, "a process shrank before it had watched for a minute"
            assert desired >= max(n for time, n in wanted if now - time < 60)
        assert desired >= wanted[-1][1], "up is one jump"
        current = desired


@given(st.integers(0, 10**6), st.integers(0, 10), st.lists(st.booleans(), min_size=1, max_size=60))
def test_two_processes_do_not_flap(backlog, current, turns):
    old, fresh = Process(), Process()
    for second in range(0, 90, 10):
        old.decide(9999999 if second < 20 else backlog, current, float(second))
    now, directions = 90.0, set()
    for turn in turns:
        now += 2
        desired = (old if turn else fresh).decide(backlog, current, now)
        if desired != current:
            directions.add(desired > current)
        current = desired
    assert len(directions) <= 1, "one goes up and the other down"
