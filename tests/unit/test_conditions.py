"""How conditions, their events and the rounded numbers come into the status."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlfleet.conditions import MESSAGE_LIMIT, Condition, ConditionType, Reason, merge
from crawlfleet.notes import Note, notes_of
from crawlfleet.status import frontier_status, phase, round_down
from tests import builders as b
from tests.builders import NOW


def test_the_transition_time_moves_only_with_the_status():
    (before,) = merge((), (b.CRAWLING,), 1, NOW)
    assert before["lastTransitionTime"] == b.stamp()
    idle = Condition(ConditionType.PROGRESSING, True, Reason.IDLE, "rest")
    (same,) = merge((before,), (idle,), 2, NOW + 60)
    assert (same["reason"], same["observedGeneration"]) == ("Idle", 2)
    assert same["lastTransitionTime"] == b.stamp()
    (other,) = merge((same,), (b.blocked_by(Reason.UNSCHEDULABLE),), 2, NOW + 60)
    assert other["lastTransitionTime"] == b.stamp(-60)


def test_conditions_that_nobody_names_stay_and_the_order_is_steady():
    before = merge((), (b.INTACT, b.CRAWLING, b.COMPLETE), 1, NOW)
    assert [c["type"] for c in before] == ["Complete", "Progressing", "FrontierIntact"]
    assert merge(reversed(before), (), 2, NOW + 9) == before


def test_unknown_is_a_status_of_its_own_and_messages_are_bounded():
    condition = Condition(ConditionType.FRONTIER_OBSERVABLE, None, Reason.UNKNOWN, "x" * 5000)
    (written,) = merge((), (condition,), 1, NOW)
    assert written["status"] == "Unknown"
    assert len(written["message"]) == MESSAGE_LIMIT
    assert merge((written,), (condition,), 1, NOW + 9) == [written]


def notes(*after, before=()):
    return notes_of(merge((), before, 1, NOW), merge((), after, 1, NOW))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (b.blocked_by(Reason.IMAGE_PULL_FAILED), [Note("Warning", "ImagePullFailed", "why")]),
        (b.COMPLETE, [Note("Normal", "CrawlFinished", "nothing queued")]),
        (b.CRAWLING, []),
        (b.blocked_by(Reason.SUSPENDED), []),
        (b.blocked_by(Reason.FINISHED), []),
        (Condition(ConditionType.PROGRESSING, True, Reason.SEEDING, "m"), [Note("Normal", "Seeding", "m")]),
        (Condition(ConditionType.SUSPENDED, True, Reason.SUSPENDED, "m"), [Note("Normal", "Suspended", "m")]),
        (Condition(ConditionType.SUSPENDED, False, Reason.RUNNING, "m"), []),
        (
            Condition(ConditionType.FAILED, True, Reason.PROGRESS_DEADLINE_EXCEEDED, "m"),
            [Note("Warning", "ProgressDeadlineExceeded", "m")],
        ),
        (
            Condition(ConditionType.FRONTIER_INTACT, False, Reason.SENTINEL_MISSING, "m"),
            [Note("Warning", "SentinelMissing", "m")],
        ),
        (Condition(ConditionType.FRONTIER_OBSERVABLE, None, Reason.UNKNOWN, "m"), []),
    ],
)
def test_what_is_worth_an_event(condition, expected):
    assert list(notes(condition)) == expected
    assert notes(condition, before=(condition,)) == (), "told once"


def test_a_new_reason_is_told():
    before = b.blocked_by(Reason.IMAGE_PULL_FAILED)
    assert [note.reason for note in notes(b.blocked_by(Reason.OUT_OF_MEMORY), before=(before,))] == ["OutOfMemory"]


@pytest.mark.parametrize(
    ("conditions", "word"),
    [
        ((), "Blocked"),
        ((Condition(ConditionType.PROGRESSING, True, Reason.STARTING, ""),), "Pending"),
        ((b.CRAWLING,), "Running"),
        ((b.blocked_by(Reason.UNSCHEDULABLE),), "Blocked"),
        ((b.blocked_by(Reason.SUSPENDED), Condition(ConditionType.SUSPENDED, True, Reason.SUSPENDED, "")), "Suspended"),
        ((b.blocked_by(Reason.FINISHED), b.COMPLETE), "Complete"),
        ((Condition(ConditionType.FAILED, True, Reason.PROGRESS_DEADLINE_EXCEEDED, ""),), "Failed"),
    ],
)
def test_the_phase_is_one_word_for_the_conditions(conditions, word):
    assert phase(merge((), conditions, 1, NOW)) == word


@pytest.mark.parametrize(("number", "rounded"), [(0, 0), (99, 99), (100, 100), (109, 100), (12345, 12000), (999, 990)])
def test_two_digits(number, rounded):
    assert round_down(number) == rounded


@given(st.integers(0, 10**15))
def test_rounding_never_tells_more_than_there_is(number):
    rounded = round_down(number)
    assert 0.9 * number <= rounded <= number
    assert round_down(rounded) == rounded


def test_no_numbers_yet():
    assert frontier_status({}, None, NOW, due=True) is None
    assert frontier_status({"done": 3}, None, NOW, due=True) == {"done": 3}
