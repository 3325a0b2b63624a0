"""What do the seeds stand for: enough of every class, and sites whose every page can be reached?"""

from collections import Counter

import pytest

from benchmarks.chaos import drawing, graph
from benchmarks.chaos.drawing import CLASSES, FULL_RUN, NOT_TOGETHER
from benchmarks.chaos.graph import Node

SEEDS = range(1, FULL_RUN + 1)


def test_the_whole_run_has_every_class_in_sixteen_runs():
    counted = Counter(fault for seed in SEEDS for fault in drawing.faults_of(seed))
    assert set(counted) == set(CLASSES)
    assert set(counted.values()) == {16}
    assert len(SEEDS) >= 100


def test_every_class_strikes_alone_too_and_many_in_pairs():
    alone = Counter(drawing.faults_of(seed)[0] for seed in SEEDS if len(drawing.faults_of(seed)) == 1)
    assert min(alone[name] for name in CLASSES) >= 4
    assert sum(len(drawing.faults_of(seed)) == 2 for seed in SEEDS) >= 15


def test_no_pair_undoes_itself():
    for seed in SEEDS:
        faults = drawing.faults_of(seed)
        assert len(set(faults)) == len(faults)
        assert len(NOT_TOGETHER & set(faults)) <= 1
        assert faults == ("flushall",) or "flushall" not in faults


def test_a_seed_is_always_the_same():
    assert drawing.draw(7) == drawing.draw(7)
    assert graph.draw(7, 100, 3) == graph.draw(7, 100, 3) != graph.draw(8, 100, 3)


@pytest.mark.parametrize("seed", [1, 40, 160])
def test_a_full_site_is_large_and_has_redirects_and_errors(seed):
    scenario = drawing.draw(seed)
    site = graph.draw(seed, scenario.pages, scenario.hosts)
    due = graph.reachable(site, graph.start_of(site))
    assert sum("/p/" in name for name in due) == scenario.pages >= 1500
    assert sum(bool(site[name].location) for name in due) > 50
    assert sum(site[name].failures > 0 for name in due) > 30
    assert any(site[name].failures < 0 for name in due)
    assert not any("/island/" in name for name in due)


def test_reachable_follows_redirects_and_stops_at_what_never_answers():
    site = {
        "h/p/0": Node(links=("h/r", "h/broken")),
        "h/r": Node(location="h/p/1"),
        "h/p/1": Node(links=("h/p/0",), failures=2),
        "h/broken": Node(links=("h/p/9",), failures=-1),
        "h/p/9": Node(),
    }
    assert graph.reachable(site, "h/p/0") == {"h/p/0", "h/r", "h/broken", "h/p/1"}
