"""Is what the entries of a key make cut into pushes that the store takes?"""

from crawlfleet_frontier.pace.calls import UNCHANGED
from crawlfleet_frontier.store.calls import MOST_PUSH_BYTES, PushRequest
from crawlfleet_worker.frontier.gateway import Delays
from crawlfleet_worker.frontier.keyed_seeds import batches


def requests(count, size=10):
    return [PushRequest(str(n), "a.example", 3, b"x" * size) for n in range(count)]


def test_no_request_is_still_one_push_that_takes_the_entries_away():
    assert batches([]) == [[]]


def test_at_most_five_hundred_in_order():
    found = batches(requests(1203))
    assert [len(batch) for batch in found] == [500, 500, 203]
    assert [request for batch in found for request in batch] == requests(1203)


def test_at_most_a_mebibyte():
    found = batches(requests(5, MOST_PUSH_BYTES // 2))
    assert [len(batch) for batch in found] == [2, 2, 1]


def test_the_longest_delay_is_told_once_and_again_when_it_changes():
    delays = Delays()
    assert delays.to_tell("a.example") == UNCHANGED
    delays.at_least("a.example", 2.0, "robots")
    delays.at_least("a.example", 0.5, "spider")
    assert [delays.to_tell("a.example") for _ in range(2)] == [2000, UNCHANGED]
    delays.at_least("a.example", 0.0, "robots")
    assert [delays.to_tell("a.example") for _ in range(2)] == [500, UNCHANGED]
