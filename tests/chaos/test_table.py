"""Do the totals leave out what proves nothing, and when does the harness itself prove nothing?"""

from benchmarks.chaos import table


def record(*faults, void="", peer=None, **verdict):
    counts = {"lost": 0, "extra": 0, "repeats": 0, "allowed": 0, "repeats_beyond": 0, "looks": 1, "unbalanced": 0}
    blows = [f"{fault}: struck" for fault in faults]
    return {
        "faults": list(faults),
        "verdict": {**counts, "wrong": [], "void": void, "blows": blows, **verdict},
        "peer": None if peer is None else {"lost": peer, "void": ""},
    }


def test_totals():
    found = table.totals(
        [
            record("sigstop", lost=2, wrong=["lost: 2"]),
            record("sigterm", "redis-kill", repeats=3, allowed=2, repeats_beyond=1, wrong=["repeats_beyond: 1"]),
            record("sigterm", void="no lease held", lost=9),
            record("flushall", repeats=5, repeats_beyond=5),
        ]
    )
    assert (found["runs"], found["void"], found["lost"], found["repeats_beyond"], found["wrong"]) == (3, 1, 2, 1, 2)


def test_a_run_with_two_faults_stands_in_both_rows():
    rows = table.by_class([record("sigterm", "redis-kill", repeats=3, allowed=4)]).splitlines()
    assert "| sigterm | 1 | 0 | 0 | 0 | 0 | 3 | 4 | 0 | 0 |" in rows
    assert "| redis-kill | 1 | 0 | 0 | 0 | 0 | 3 | 4 | 0 | 0 |" in rows
    assert "| two at once | 1 | 0 | 0 | 0 | 0 | 3 | 4 | 0 | 0 |" in rows


def test_a_peer_that_loses_nothing_makes_the_harness_void():
    losing, saved = record("kill-in-download", peer=7), record("kill-in-callback", peer=0)
    assert not table.is_void(table.totals([losing, saved]))
    assert table.is_void(table.totals([losing, saved, saved]))
    assert not table.is_void(table.totals([record("sigterm")]))
