"""Do the pure parts of the client decide rightly what to say, and when?"""

from dataclasses import replace
from math import inf

import pytest
from redis.exceptions import OutOfMemoryError

from crawlfleet_frontier.client.asks import Asks, HostBlockedError
from crawlfleet_frontier.client.books import HURRIED_SECONDS, Books
from crawlfleet_frontier.client.capacity import LEAST, Capacity
from crawlfleet_frontier.client.channel import Answer, Sending
from crawlfleet_frontier.client.counts import Counts
from crawlfleet_frontier.client.grants import Grants
from crawlfleet_frontier.client.known import Known
from crawlfleet_frontier.client.leases import GRANT_SECONDS, Grant, Lease, State
from crawlfleet_frontier.client.news import News
from crawlfleet_frontier.client.outbox import MANY_SETTLED, MOST_PUSHED, End, Outbox, Throttle, settlement
from crawlfleet_frontier.client.pace_talk import PaceTalk
from crawlfleet_frontier.client.reports import Ending
from crawlfleet_frontier.client.rhythm import Appetite, Elapsed, RoundTrip, hosts_due, lead, news_due, refill
from crawlfleet_frontier.client.settings import Settings
from crawlfleet_frontier.client.stock import PATIENCE_SECONDS, Stock
from crawlfleet_frontier.client.store_talk import StoreTalk
from crawlfleet_frontier.envelope import FrontierRequest
from crawlfleet_frontier.pace.calls import UNUSED, Hold, HostSerial, Outcome
from crawlfleet_frontier.pace.keys import PaceKeys
from crawlfleet_frontier.packing import pack, unpack
from crawlfleet_frontier.store.calls import PushRequest
from crawlfleet_frontier.store.keys import StoreKeys

HOST = "a.example"


def grant(name: str = "t", *, slots: int = 1, delay: float = 1.0, at: float = 10.0, host: str = HOST) -> Grant:
    return Grant(name, host, slots, delay, not_before=at, send_by=at + GRANT_SECONDS)


def lease(name: str = "1.1", host: str = HOST) -> Lease:
    return Lease(name, host, 3, 0, FrontierRequest(f"http://{host}/{name}"), name)


def pushed(number: int, size: int = 10) -> PushRequest:
    return PushRequest(str(number), HOST, 3, b"x" * size)


def holding(*given: Grant, lead: float = 0.03) -> Grants:
    grants = Grants(lead=lead)
    for one in given:
        grants.add(one, 10.0)
    return grants


def test_nothing_is_sent_before_its_moment_or_after_its_time():
    for moment, allowed in [(9.99, False), (10.0, True), (12.0, True), (12.01, False)]:
        grants = holding(grant())
        slot = grants.promise(HOST, 10.0)
        assert grants.sent(slot, moment) is allowed
        assert (slot.state is State.OPEN) is allowed


def test_who_hands_out_late_takes_less_and_who_is_in_time_again_takes_more():
    capacity = Capacity(most=100, connections=64)
    for step in range(20):
        capacity.handed_out(0.05, step / 10, lambda: 60)
    assert LEAST <= capacity.slots < 54
    low = capacity.slots
    for step in range(300):
        capacity.handed_out(0.001, 2 + step / 10, lambda: 60)
    assert low < capacity.slots == 100


def test_a_late_worker_keeps_some_slots_and_is_not_judged_by_one_request():
    capacity = Capacity(most=100, connections=64)
    capacity.handed_out(0.05, 0.0, lambda: 60)
    assert capacity.slots == 100
    for step in range(1000):
        capacity.handed_out(5.0, step / 10, lambda: 0)
    assert capacity.slots == LEAST


def test_a_late_worker_of_few_connections_keeps_no_more_slots_than_those():
    capacity = Capacity(most=40, connections=8)
    for step in range(100):
        capacity.handed_out(0.05, step / 10, lambda: 29)
    assert capacity.slots == 8


def test_a_request_that_came_after_its_moment_was_not_handed_out_late():
    books = Books(Settings(concurrency=2, ahead=0))
    books.grants.add(grant(at=10.0), 10.0)
    books.stock.add(lease(), 11.0)
    books.stock.pair(HOST, 11.0)
    assert books.take(11.001)
    assert books.capacity.late < 0.001
    assert books.free_slots(11.0) == 1


def test_a_report_leaves_time_for_a_call_that_is_under_way_and_its_own_at_both_stores():
    assert lead(RoundTrip(0.02), RoundTrip(0.01)) >= 0.02 + 0.02 + 0.01 + 0.01
    assert lead(RoundTrip(0.0), RoundTrip(0.0)) > 0


def test_a_close_is_reported_before_the_host_may_be_asked_again():
    grants = holding(grant(delay=1.0))
    slot = grants.promise(HOST, 10.0)
    grants.sent(slot, 10.5)
    grants.closed(slot, Ending(first_byte=10.7, outcome=Outcome.SUCCESS), 10.9)
    assert grants.due(11.0, lambda host: True) == pytest.approx(10.7 + 1.0 - 0.03)
    (close,) = grants.next_closes(11.0009)
    assert (close.token, close.age_ms, close.outcome) == ("t", 300, Outcome.SUCCESS)
    assert grants.in_hand() == 0
    assert grants.due(11.0, lambda host: True) == inf


def test_a_response_without_a_first_byte_counts_from_its_close():
    grants = holding(grant())
    slot = grants.promise(HOST, 10.0)
    grants.sent(slot, 10.5)
    grants.closed(slot, Ending(), 11.0)
    assert grants.next_closes(11.25)[0].age_ms == 250


def test_an_unsent_slot_is_closed_as_unused_once():
    grants = holding(grant())
    slot = grants.promise(HOST, 10.0)
    grants.unused(slot, 10.0)
    grants.unused(slot, 10.0)
    grants.closed(slot, Ending(), 10.0)
    assert [close.age_ms for close in grants.next_closes(10.0)] == [UNUSED]


def test_a_free_slot_that_nobody_used_runs_out():
    grants = holding(grant())
    grants.expire(12.0)
    assert grants.in_hand() == 1
    grants.expire(12.1)
    assert (grants.in_hand(), grants.next_closes(12.1)[0].age_ms) == (0, UNUSED)


def test_without_a_delay_slots_are_used_again_and_again():
    grants = holding(grant(slots=2, delay=0.0))
    for _ in range(5):
        slot = grants.promise(HOST, 10.5)
        assert grants.sent(slot, 10.5)
        assert grants.free(HOST, 10.5) == 1
        grants.closed(slot, Ending(first_byte=10.5), 10.5)
    assert grants.next_closes(10.5) == []
    assert grants.due(10.5, lambda host: True) == pytest.approx(11.5)


def test_a_reusable_grant_is_kept_while_of_use_and_then_given_back():
    grants = holding(grant(slots=4, delay=0.0))
    assert grants.next_holds(10.0, lambda host: True) == [Hold("t", 4)]
    grants.held("t", 2, 11.0)
    assert (grants.free(HOST, 12.9), grants.free(HOST, 13.1)) == (2, 0)
    assert grants.next_holds(11.0, lambda host: False) == [Hold("t", 0)]
    assert grants.in_hand() == 0


def test_slots_beyond_what_a_worker_can_use_of_a_host_are_given_back_at_once():
    books = Books(Settings(concurrency=8, ahead=8))
    books.grants.add(grant(slots=6, delay=0.0), 10.0)
    assert books.grants.due(10.0, books.of_use) == pytest.approx(11.5)
    books.grants.add(grant("u", slots=10, delay=0.0), 10.0)
    assert books.grants.due(10.0, books.of_use) == 10.0
    assert books.grants.next_holds(10.0, books.of_use) == [Hold("t", 6), Hold("u", 2)]
    assert books.grants.due(10.0, books.of_use) == pytest.approx(11.5)
    assert books.grants.free(HOST, 10.0) == 8, "not used again before the answer"
    assert (books.free_slots(10.9), books.free_slots(11.1)) == (0, 8)


def test_slots_beyond_that_are_in_use_stay():
    grants = Grants(most=2)
    grants.add(grant(slots=4, delay=0.0), 10.0)
    for _ in range(3):
        assert grants.sent(grants.promise(HOST, 10.0), 10.0)
    assert grants.next_holds(10.0, lambda host: True) == [Hold("t", 3)]


def test_who_is_to_give_slots_back_takes_none_until_the_other_had_time_to():
    books = Books(Settings(concurrency=8, ahead=8))
    books.grants.add(grant(slots=8, delay=0.0), 10.0)
    books.grants.next_holds(11.0, books.of_use)
    books.grants.held("t", 8, 11.0)
    assert books.free_slots(11.0) == 8
    books.grants.held("t", 4, 11.0)
    assert (books.free_slots(13.9), books.free_slots(14.1)) == (0, 12)
    assert books.grants.next_holds(13.0, lambda host: False) == [Hold("t", 0)]
    assert books.free_slots(13.0) == 16, "who has nothing left leaves nothing to others"


def test_who_has_half_of_what_it_can_use_or_anything_that_is_used_again_does_not_starve():
    grants = Grants(most=4)
    assert grants.starving()
    grants.add(grant("1"), 10.0)
    assert grants.starving()
    grants.add(grant("2", host="b.example"), 10.0)
    assert not grants.starving()
    grants = Grants(most=4)
    grants.add(grant(delay=0.0), 10.0)
    assert not grants.starving()


def test_a_grant_that_is_over_is_given_back_when_its_last_socket_closes():
    grants = holding(grant(slots=4, delay=0.0))
    slot = grants.promise(HOST, 10.0)
    grants.sent(slot, 10.0)
    grants.held("t", 0, 10.1)
    assert grants.promise(HOST, 10.2) is None
    assert grants.next_holds(10.2, lambda host: True) == [Hold("t", 1)]
    grants.closed(slot, Ending(), 10.3)
    assert grants.next_holds(10.4, lambda host: True) == [Hold("t", 0)]


@pytest.mark.parametrize("allowed", [0, 4])
def test_a_grant_that_nobody_uses_when_its_renewal_is_answered_is_given_back(allowed):
    """It went over while the call was under way, or by the answer: its slots are open at the store until it hears."""
    grants = holding(grant(slots=4, delay=0.0))
    slot = grants.promise(HOST, 10.0)
    grants.sent(slot, 10.0)
    assert grants.next_holds(10.0, lambda host: True) == [Hold("t", 4)]
    grants.closed(slot, Ending(first_byte=10.1, outcome=Outcome.SLOW_DOWN if allowed else Outcome.NONE), 10.1)
    grants.next_closes(10.1)
    grants.held("t", allowed, 10.0)
    assert grants.due(10.1, lambda host: True) <= 10.3
    assert grants.next_holds(10.3, lambda host: True) == [Hold("t", 0)]
    assert grants.in_hand() == 0


def test_a_429_under_a_reusable_grant_ends_it_and_is_told_at_once():
    grants = holding(grant(slots=4, delay=0.0))
    slot = grants.promise(HOST, 10.0)
    grants.sent(slot, 10.0)
    grants.closed(slot, Ending(first_byte=10.1, outcome=Outcome.SLOW_DOWN, retry_after_ms=3000), 10.2)
    assert grants.due(10.2, lambda host: True) <= 10.2
    (close,) = grants.next_closes(10.2)
    assert (close.token, close.outcome, close.retry_after_ms) == (f"host:{HOST}", Outcome.SLOW_DOWN, 3000)
    assert grants.promise(HOST, 10.2) is None


def test_leases_and_slots_are_brought_together_the_earliest_first():
    grants = holding(grant("late", at=11.0), grant("other", at=10.5, host="b.example"))
    stock = Stock(grants)
    for one in (lease("1.1"), lease("1.2"), lease("1.3", "b.example")):
        stock.add(one, 10.0)
    stock.pair(HOST, 10.0)
    stock.pair("b.example", 10.0)
    assert (stock.pairs(), stock.waiting(HOST), stock.next_moment()) == (2, 1, 10.5)
    assert stock.take(10.4) is None
    assert stock.take(11.0).token == "1.3"
    assert stock.take(11.0).token == "1.1"


def test_a_pair_whose_time_has_passed_parts_and_the_lease_goes_back_in_the_end():
    grants = holding(grant())
    stock = Stock(grants)
    stock.add(lease(), 10.0)
    stock.pair(HOST, 10.0)
    assert stock.expire(12.0) == []
    assert stock.expire(12.1) == []
    assert (stock.pairs(), stock.waiting(HOST)) == (0, 1)
    assert [one.token for one in stock.expire(12.1 + PATIENCE_SECONDS)] == ["1.1"]
    assert len(stock) == 0


@pytest.mark.parametrize("delay", [0.0, 1.0])
def test_the_books_are_not_looked_at_before_something_can_have_expired(delay):
    """Of a host without a delay leases wait for its open requests, however long those take."""
    stock = Stock(holding(grant(slots=1, delay=delay)))
    for name in ("1.1", "1.2"):
        stock.add(lease(name), 10.0)
    stock.pair(HOST, 10.0)
    for now in (10.5, 11.5, 12.5, 14.0):
        stock.expire(now)
        assert stock.next_expiry() > now


def test_a_lease_is_settled_after_its_last_request_was_confirmed():
    outbox, parent = Outbox(), lease()
    for number in range(3):
        outbox.push(pushed(number), parent, 1.0)
    outbox.end(End(parent, "done"), 1.0)
    assert outbox.settle_due(0.05) == inf
    outbox.pushed(outbox.next_push(1.0), 2.0, refused=False)
    assert settlement(outbox.next_settle(2.0)).done == ["1.1"]
    outbox.settled()
    assert outbox.empty()


def test_what_found_no_room_waits_and_is_sent_first():
    outbox, parent = Outbox(), lease()
    for number in range(3):
        outbox.push(pushed(number), parent, 1.0)
    outbox.end(End(parent, "done"), 1.0)
    batch = outbox.next_push(1.0)
    outbox.push(pushed(3), parent, 2.0)
    outbox.put_back(batch, 2.0)
    assert outbox.next_settle(2.0) == []
    again = outbox.next_push(3.0)
    assert again == [*batch, (pushed(3), parent)]
    assert (outbox.waiting_pushes(), outbox.push_due(inf)) == (0, inf)
    outbox.pushed(again, 4.0, refused=False)
    assert [end.kind for end in outbox.next_settle(4.0)] == ["done"]


def test_a_lease_whose_requests_were_refused_goes_back_whatever_was_said():
    outbox, parent = Outbox(), lease()
    outbox.push(pushed(1), parent, 1.0)
    outbox.end(End(parent, "dead", reason="x"), 1.0)
    outbox.pushed(outbox.next_push(1.0), 2.0, refused=True)
    said = settlement(outbox.next_settle(2.0))
    assert (said.release, said.dead) == (["1.1"], [])


def test_batches_are_bounded_in_number_and_bytes():
    outbox = Outbox()
    for number in range(MOST_PUSHED + 1):
        outbox.push(pushed(number), None, 1.0)
    assert outbox.push_due(inf) == 1.0
    assert (len(outbox.next_push(1.0)), outbox.waiting_pushes()) == (MOST_PUSHED, 1)
    outbox = Outbox()
    for number in range(5):
        outbox.push(pushed(number, 400_000), None, 1.0)
    assert [len(outbox.next_push(1.0)) for _ in range(3)] == [2, 2, 1]


def test_what_nobody_would_find_again_is_carried_over():
    outbox, parent = Outbox(), lease()
    outbox.push(pushed(1), None, 1.0)
    outbox.next_push(1.0)
    outbox.push(pushed(2), parent, 1.0)
    outbox.push(pushed(3), None, 1.0)
    assert [request.id for request in outbox.orphans()] == ["1", "3"]


def test_a_settle_waits_less_where_many_wait():
    outbox = Outbox()
    outbox.settling.last = 0.0
    outbox.end(End(lease(), "done"), 1.0)
    assert outbox.settle_due(inf) == 2.0
    for number in range(MANY_SETTLED):
        outbox.end(End(lease(f"2.{number}"), "done"), 1.0)
    assert outbox.settle_due(inf) == 0.25
    assert outbox.settle_due(inf, at_once=True) == 1.0


def test_the_first_part_of_a_batch_goes_quickly_the_next_batch_later():
    throttle = Throttle(0.01, 1.0)
    throttle.arrived(5.0)
    assert throttle.due(inf) == 5.01
    throttle.gone(5.01, left=False)
    assert throttle.due(inf) == inf
    throttle.arrived(5.1)
    assert throttle.due(inf) == 6.01
    assert throttle.due(0.05) == pytest.approx(5.11)


def test_news_are_told_once_and_struck_out_after():
    news = News()
    assert news.woke(HOST, 7, 1.0)
    assert not news.woke(HOST, 7, 1.1)
    news.emptied("b.example", 3, 1.2)
    wants, idles = news.next_words()
    assert (wants, idles, news.since) == ([HostSerial(HOST, 7)], [HostSerial("b.example", 3)], inf)
    assert news.next_strikes() == []
    news.passed(wants)
    strikes = news.next_strikes()
    assert strikes == wants
    assert not news.woke(HOST, 7, 2.0)
    news.struck(strikes)
    assert news.woke(HOST, 7, 3.0)
    assert news.woke(HOST, 8, 3.0)


async def test_slots_by_name_go_to_who_waits_first():
    grants = Grants()
    asks = Asks(grants)
    first, second = asks.add(HOST, 10.0), asks.add(HOST, 10.0)
    (ask,) = asks.next_asks(10.0)
    assert (ask.host, ask.slots, asks.due()) == (HOST, 2, inf)
    one = grant()
    grants.add(one, 10.0)
    asks.serve(HOST, 10.0)
    asks.answered([ask], 10.0)
    assert first.done()
    assert not second.done()
    assert asks.due() == 10.2
    asks.refused(HOST, 500, 11.0)
    assert asks.due() == 11.5
    asks.refused(HOST, -1, 12.0)
    with pytest.raises(HostBlockedError):
        await second
    assert asks.due() == inf


def books_with_pairs(slots: int, leases: int) -> Books:
    books = Books(Settings())
    books.grants.add(grant(slots=slots, delay=0.0), 10.0)
    for number in range(leases):
        books.stock.add(lease(f"1.{number}"), 10.0)
    books.stock.pair(HOST, 10.0)
    return books


async def test_who_asks_gets_the_slot_of_a_lease_that_nobody_took():
    """Else a consumer whose places are all taken by those who ask waits for ever: its leases keep the slots."""
    books = books_with_pairs(slots=2, leases=3)
    assert [books.asks.add(HOST, 10.0).result().grant.token for _ in range(2)] == ["t", "t"]
    assert (books.stock.pairs(), books.stock.waiting(HOST)) == (0, 3)
    third = books.asks.add(HOST, 10.0)
    assert not third.done()
    assert books.grants.by_token["t"].promised == 2


async def test_a_slot_that_becomes_free_goes_to_who_asks_before_it_goes_to_a_lease():
    books = books_with_pairs(slots=1, leases=2)
    taken = books.stock.take(10.0)
    future = books.asks.add(HOST, 10.0)
    assert not future.done()
    books.grants.unused(taken.slot, 10.0)
    books.asks.serve(HOST, 10.0)
    books.stock.pair(HOST, 10.0)
    assert future.result().grant.token == "t"
    assert books.stock.pairs() == 0


async def test_who_asked_while_the_grant_had_run_out_is_served_when_it_is_renewed():
    books = books_with_pairs(slots=2, leases=3)
    future = books.asks.add(HOST, 12.5)
    assert not future.done()
    books.stock.expire(12.5)
    books.grants.held("t", 2, 12.6)
    books.stock.pair(HOST, 12.6)  # the answer to a lease came first
    assert books.stock.pairs() == 2
    books.asks.serve_all(12.6)
    assert future.result().grant.token == "t"
    assert (books.stock.pairs(), books.stock.waiting(HOST)) == (1, 2)


async def test_a_slot_with_a_moment_of_its_own_stays_with_its_lease():
    books = Books(Settings())
    books.grants.add(grant(delay=1.0), 10.0)
    books.stock.add(lease(), 10.0)
    books.stock.pair(HOST, 10.0)
    assert not books.asks.add(HOST, 10.0).done()
    assert books.stock.pairs() == 1


@pytest.mark.parametrize(
    ("slots", "hungry", "next_host", "due"),
    [
        (0, True, 5.0, inf),  # no room
        (8, True, inf, 101.0),  # no host waits: look once a second
        (8, True, 100.0, 100.02),  # one is due and there is nothing else to do
        (8, False, 100.0, 100.25),  # one is due, but there is something to do
        (8, True, 103.0, 102.0),  # asked for as early as it may be given
    ],
)
def test_when_to_ask_for_hosts(slots, hungry, next_host, due):
    assert hosts_due(Appetite(slots, hungry), 100.0, next_host, 1.0) == pytest.approx(due)


def test_hosts_that_one_call_had_no_room_for_do_not_wait_for_their_delay():
    rest = Appetite(8, hungry=False, delay=1.0)
    assert hosts_due(rest, 100.0, 100.0, 1.0) == pytest.approx(100.9)
    assert hosts_due(replace(rest, more=True), 100.0, 100.0, 1.0) == pytest.approx(100.25)


def test_when_to_pass_news_on():
    assert news_due(inf, 100.0, True) == inf
    assert news_due(100.05, 100.0, True) == 100.05
    assert news_due(100.05, 100.0, False) == 100.1


def test_elapsed_time_adds_up_and_never_runs_ahead():
    elapsed = Elapsed()
    moments = [5.0, 5.0004, 5.0013, 5.0029, 6.5]
    told = [elapsed.since_last(moment) for moment in moments]
    assert told[:4] == [0, 0, 1, 1]
    assert 1498 <= sum(told) <= (moments[-1] - moments[0]) * 1000


def test_a_host_without_a_delay_is_refilled_at_a_half():
    needs = [refill(16, 0, waiting, 256) for waiting in (0, 16, 17, 32)]
    assert [(need.wanted, need.presses) for need in needs] == [(32, True), (16, True), (15, False), (0, False)]


def test_a_beat_carries_the_same_counters_until_it_is_confirmed():
    counts = Counts()
    counts.add("items", 2)
    first = counts.for_beat()
    counts.add("items", 3)
    assert counts.for_beat() is first
    assert first == {"items": 2}
    counts.confirm()
    assert counts.for_beat() == {"items": 3}
    counts.confirm()
    assert counts.empty()


@pytest.mark.parametrize(
    ("wrong", "named"),
    [({"concurrency": 0}, "concurrency"), ({"horizon_seconds": 3}, "horizon"), ({"open_seconds": 0}, "open_seconds")],
)
def test_settings_that_cannot_work_are_refused(wrong, named):
    with pytest.raises(ValueError, match=named):
        Settings(**wrong)


def test_what_is_met_often_stays_known_and_the_rest_is_forgotten():
    known = Known(most=3)
    known.learn(["1", "2", "3"])
    assert "1" in known
    known.learn(["4", "5"])
    assert [id_ in known for id_ in ("1", "2", "4", "6")] == [True, False, True, False]


def test_batches_of_pushes_take_as_long_as_the_quickest_host_allows():
    books = Books(Settings())
    assert books.gap_of_pushes() == HURRIED_SECONDS
    for number in range(60):
        books.grants.add(grant(str(number), delay=1.0), 10.0)
        books.grants.unused(books.grants.promise(HOST, 10.0), 10.0)
    assert books.gap_of_pushes() == pytest.approx(0.9, abs=0.01)
    books.grants.add(grant("quick", delay=0.0), 10.0)
    assert books.gap_of_pushes() == HURRIED_SECONDS
    books.stock.add(lease(), 10.0)
    assert (books.gap_of_pushes(), books.gap_of_ends()) == (inf, inf), "it has something to do"
    books.draining = True
    assert (books.gap_of_pushes(), books.gap_of_ends()) == (HURRIED_SECONDS, HURRIED_SECONDS)


class Calls:
    """What a talk with the store sends; the answer to the last one is given by hand."""

    def __init__(self, books: Books) -> None:
        self.sent = 0
        self.talk = StoreTalk(books, StoreKeys("job"), self.send, lambda granted: lease(granted.token), lambda: None)

    def send(self, build, then, failed=None, *, numbered=True):
        self.sent += 1
        self.then, self.failed = then, failed

    def answer(self, reply, at: float) -> None:
        self.then(Answer(pack(reply), at, at, self.sent))


def test_after_a_refusal_for_want_of_memory_nothing_is_leased_before_a_look_finds_room():
    books = Books(Settings())
    calls = Calls(books)
    books.outbox.push(pushed(1), None, 10.0)
    calls.talk.push_due(20.0)
    assert calls.failed(OutOfMemoryError("OOM command not allowed"))
    assert (books.outbox.waiting_pushes(), books.takes(inf)) == (1, False)
    books.memory_share(0.9)
    assert not books.takes(inf)
    books.memory_share(0.5)
    assert books.takes(20.0)


@pytest.mark.parametrize(("woke_at", "asked_again"), [(4, False), (6, True)])
def test_a_host_that_is_empty_is_asked_again_after_a_later_wake_up_only(woke_at, asked_again):
    books = Books(Settings())
    books.grants.add(grant("reusable", slots=4, delay=0.0), 10.0)
    calls = Calls(books)
    calls.talk.lease_due(10.0)
    calls.answer([[], [HOST, 5], [HOST, woke_at], 0, 0, -1, [], "1"], 10.0)
    books.grants.add(grant("another", slots=4, delay=0.0), 10.0)
    calls.talk.lease_due(10.001)
    assert calls.sent == 1 + asked_again


def test_leases_that_lost_their_slots_get_them_back_when_the_grant_is_renewed():
    """Seed 68: Redis was away for longer than a grant is good; more leases than slots lay ready, none was ever sent."""
    books, sent = books_with_pairs(slots=2, leases=6), []
    talk = PaceTalk(books, PaceKeys("job"), lambda build, then: sent.append(then), StoreTalk(books, *[None] * 4))
    books.stock.expire(20.0)
    assert (books.stock.pairs(), books.stock.waiting(HOST)) == (0, 6)
    talk.exchange_due(20.0)
    sent[0](Answer(pack([[], [["t", 2]], [], -1, "", "1", []]), 20.0, 20.1, 1))
    assert (books.stock.pairs(), books.stock.waiting(HOST)) == (2, 4)
    assert books.take(20.1).slot.grant.token == "t"


def test_who_gives_its_last_slots_back_says_in_the_same_call_that_it_starves():
    books, sent = Books(Settings(concurrency=4, ahead=4)), []
    books.grants.add(grant(slots=4, delay=0.0), 10.0)
    books.empty_hosts[HOST] = 0
    talk = PaceTalk(books, PaceKeys("job"), lambda build, then: sent.append(build), StoreTalk(books, *[None] * 4))
    talk.exchange_due(11.0)
    _run_id, _elapsed, _closes, holds, *_words, take, _open = unpack(sent[0](Sending("run", "epoch", 1)).args[0])
    assert (holds, take[3]) == ([[b"t", 0]], True)


def test_many_hosts_without_a_delay_are_refilled_in_one_call():
    books, hosts = Books(Settings()), [f"h{number}.example" for number in range(3)]
    for host in hosts:
        books.grants.add(grant(host, slots=4, delay=0.0, host=host), 10.0)
        for number in range(9):
            books.stock.add(lease(f"{host} {number}", host), 10.0)
        books.stock.pair(host, 10.0)
    calls = Calls(books)
    calls.talk._last_lease = 10.0
    calls.talk.lease_due(10.001)
    assert calls.sent == 0, "more than half of everything lies ready"
    books.stock._waiting[hosts[1]].clear()
    calls.talk.lease_due(10.002)
    assert (calls.sent, calls.talk._asked) == (1, {hosts[0]: 3, hosts[1]: 8, hosts[2]: 3})
