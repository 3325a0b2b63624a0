"""Does the judge see what is lost, made up, repeated, and what proves nothing?"""

from dataclasses import replace

import pytest

from benchmarks.chaos.faults.blows import Blow
from benchmarks.chaos.graph import RETRY_TIMES, Node
from benchmarks.chaos.judging import Seen, judge
from benchmarks.chaos.site import Hit

LEAVES = [f"h/p/{n}" for n in range(1, 9)]
SITE = {
    "h/p/0": Node(links=("h/r/1", "h/flaky", "h/broken", *LEAVES)),
    "h/r/1": Node(location="h/p/10"),
    "h/p/10": Node(links=("h/p/0",)),
    "h/flaky": Node(failures=1),
    "h/broken": Node(failures=-1, error=502),
    "h/island/1": Node(),
    **{name: Node() for name in LEAVES},
}


def hit(name, status=200, ended=2):
    return Hit(name, "pod-0", 1, ended, status)


HITS = [
    hit("h/p/0"),
    hit("h/r/1", 302),
    hit("h/flaky", 500),
    *(hit(name) for name in LEAVES),
    hit("h/flaky"),
    *(hit("h/broken", 502) for _ in range(RETRY_TIMES + 1)),
    hit("h/p/10"),
]
ITEMS = {"h/p/0", "h/p/10", "h/flaky", *LEAVES}
BLOW = Blow("kill-in-download", at_us=5, hits=6, held=2, proof="killed")
GOOD = Seen(
    graph=SITE,
    hits=HITS,
    items=ITEMS,
    letters={"h/broken": "Http5xx"},
    blows=[BLOW],
    unbalanced=0,
    looks=9,
    complete=True,
    reported=False,
    remains={"queued": 0},
)


def test_a_crawl_without_fault():
    verdict = judge(GOOD)
    assert verdict.wrong == []
    assert verdict.void == ""
    assert (verdict.pages, verdict.lost, verdict.extra, verdict.repeats, verdict.dead) == (13, 0, 0, 0, 1)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"hits": [each for each in HITS if each.name != "h/p/3"]}, "lost: 1"),
        ({"hits": [*(each for each in HITS if each.name != "h/p/3"), hit("h/p/3", 0, ended=0)]}, "lost: 1"),
        ({"items": ITEMS - {"h/p/3"}}, "lost: 1"),
        ({"letters": {}}, "lost: 1"),
        ({"hits": [*HITS, hit("h/island/1")]}, "extra: 1"),
        ({"hits": [*HITS, hit("h/nowhere", 404)]}, "extra: 1"),
        ({"hits": [*HITS, *(hit(name) for name in LEAVES[:3])]}, "repeats_beyond: 1"),
        ({"hits": [*HITS, *(hit("h/broken", 502) for _ in range(3))]}, "repeats_beyond: 1"),
        ({"hits": [*HITS, hit("h/flaky"), hit("h/flaky"), hit("h/flaky")]}, "repeats_beyond: 1"),
        ({"letters": {"h/broken": "Http5xx", "h/p/10": "WorkerLost"}}, "strange_dead: 1"),
        ({"letters": {"h/broken": "Http5xx", "h/p/3": "Timeout"}}, "strange_dead: 1"),
        ({"unbalanced": 1}, "unbalanced: 1"),
        ({"complete": False}, "not complete"),
        ({"reported": True}, "reported"),
        ({"remains": {"queued": 0, "leased": 4}}, "remains: {'leased': 4}"),
        ({"problems": ["exit code 70"]}, "problems: ['exit code 70']"),
    ],
)
def test_what_is_wrong_is_said(change, word):
    assert judge(replace(GOOD, **change)).wrong == [word]


def test_what_was_in_flight_may_be_repeated_and_a_cut_window_too():
    again = [*HITS, *(hit(name) for name in LEAVES[:5])]
    assert judge(replace(GOOD, hits=again)).repeats_beyond == 3
    assert judge(replace(GOOD, hits=again, blows=[replace(BLOW, window=3)])).wrong == []
    assert judge(replace(GOOD, hits=again, blows=[BLOW, replace(BLOW, held=3)])).wrong == []


def test_a_poison_page_is_a_dead_letter_that_had_to_be():
    letters = {"h/broken": "Http5xx", "h/p/3": "WorkerLost"}
    assert judge(replace(GOOD, letters=letters, items=ITEMS - {"h/p/3"})).wrong == []


@pytest.mark.parametrize("hits", [0, 1, len(HITS)])
def test_too_early_or_too_late_proves_nothing(hits):
    assert "it struck after" in judge(replace(GOOD, blows=[replace(BLOW, hits=hits)])).void


def test_a_fault_that_did_not_happen_proves_nothing():
    assert judge(replace(GOOD, blows=[replace(BLOW, void="no lease held")])).void == "kill-in-download: no lease held"


def test_an_emptied_frontier_is_reported_and_never_complete():
    emptied = replace(GOOD, hits=HITS[:5], items=set(), letters={}, blows=[replace(BLOW, fault="flushall")])
    assert judge(replace(emptied, complete=False, reported=True)).wrong == []
    assert judge(replace(emptied, complete=False, reported=False)).wrong == ["not reported"]
    assert judge(replace(emptied, complete=True, reported=True)).wrong == ["complete though emptied"]


def test_a_crawl_that_never_came_to_its_fault_is_wrong_and_not_void():
    verdict = judge(replace(GOOD, blows=[]))
    assert (verdict.void, verdict.wrong) == ("", ["problems: ['no fault struck']"])
