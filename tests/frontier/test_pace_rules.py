"""Does each rule of the pace do what docs/frontier.md says, in the smallest example?"""

import pytest

from crawlfleet_frontier.pace import calls, replies
from crawlfleet_frontier.pace.calls import (
    Ask,
    Close,
    Hold,
    HostSerial,
    Outcome,
    Override,
    RobotsClaim,
    RobotsWrite,
    Take,
)
from crawlfleet_frontier.packing import unpack
from tests.frontier.test_pace_store import KEYS, OPEN, SEND_WINDOW, Pace, client, names, pace

__all__ = ["client", "pace"]  # fixtures
HOUR = 3_600_000


def give(pace: Pace, host: str = "a.example", **take) -> replies.Grant:
    """The one grant of a host that has work."""
    pace.want(host)
    (grant,) = pace.take(**take).grants
    return grant


def wait_of(pace: Pace, **take) -> int:
    """The wait of the next grant, within the longest horizon."""
    (grant,) = pace.take(horizon=2000, **take).grants
    return grant.wait_ms


def test_a_host_is_given_again_one_delay_after_the_first_byte(pace):
    grant = give(pace)
    pace.pass_time(500)
    assert pace.take("pod-b:1").grants == ()
    reply = pace.close(grant.token, 100, outcome=Outcome.SUCCESS)
    assert reply.next_due_ms == 900
    assert pace.pass_time(899).next_due_ms == 1
    assert pace.take("pod-b:1").grants == ()
    pace.pass_time(1)
    assert names(pace.take("pod-b:1")) == ["a.example"]


def test_an_age_from_before_the_grant_does_not_shorten_the_gap(pace):
    grant = give(pace)
    assert pace.close(grant.token, HOUR).next_due_ms == 1000


def test_a_slot_that_was_not_used_costs_no_delay(pace):
    grant = give(pace)
    assert pace.close(grant.token, calls.UNUSED).next_due_ms == 0


def test_a_slot_is_freed_once(pace):
    pace.policy(1000, 2)
    pace.want("a.example")
    first, second = pace.take(horizon=2000).grants
    pace.exchange("pod-a:1", closes=[Close(first.token, 0), Close(first.token, 0), Close("ffffffffffff-1.1", 0)])
    assert replies.read_snapshot(pace.send(calls.pace_snapshot(KEYS))).held_slots == 1
    assert second.wait_ms == 1000


def test_a_host_emptied_and_filled_again_at_once_waits_its_delay(pace):
    grant = give(pace)
    pace.exchange("pod-a:1", closes=[Close(grant.token, 0)], idles=[HostSerial("a.example", 10)])
    pace.exchange("pod-b:1")  # what rests is collected on the way
    pace.exchange("pod-a:1", wants=[HostSerial("a.example", 11)])
    assert pace.take().grants == ()
    assert wait_of(pace) == 1000


@pytest.mark.parametrize("order", [("wants", "idles"), ("idles", "wants")])
def test_the_newer_of_want_and_idle_wins_in_either_order(pace, order):
    said = {"wants": [HostSerial("a.example", 11)], "idles": [HostSerial("a.example", 10)]}
    grant = give(pace, "a.example")
    for kind in order:
        pace.exchange("pod-a:1", **{kind: said[kind]})
    assert pace.close(grant.token, 0).next_due_ms == 1000


def test_new_hosts_and_known_hosts_are_served_in_turn(pace):
    grants = [give(pace, f"old{n}.example") for n in range(4)]
    pace.exchange("pod-a:1", closes=[Close(grant.token, 0) for grant in grants])
    pace.pass_time(5000)
    pace.want(*[f"new{n}.example" for n in range(4)])
    assert sorted(name[:3] for name in names(pace.take(hosts=4))) == ["new", "new", "old", "old"]


def test_several_open_requests_are_given_a_delay_apart(pace):
    pace.policy(300, 4)
    pace.want("a.example")
    assert [grant.wait_ms for grant in pace.take(horizon=2000).grants] == [0, 300, 600, 900]
    assert pace.take(horizon=2000).grants == ()


def test_without_a_delay_one_grant_is_all_free_slots_and_can_be_kept(pace):
    pace.policy(0, 8)
    grant = give(pace)
    assert (grant.slots, grant.delay_ms) == (8, 0)
    pace.pass_time(1500)
    assert pace.exchange("pod-a:1", holds=[Hold(grant.token, 8)]).holds == (replies.Held(grant.token, 8),)
    pace.pass_time(SEND_WINDOW + OPEN - 1)
    assert replies.read_snapshot(pace.send(calls.pace_snapshot(KEYS))).held_slots == 8
    pace.pass_time(1)
    assert pace.exchange("pod-a:1", holds=[Hold(grant.token, 8)]).holds == (replies.Held(grant.token, 0),)


@pytest.mark.parametrize(("starving", "left", "given"), [(True, 4, [4]), (False, 8, [])])
def test_who_starves_and_went_away_empty_gets_half(pace, starving, left, given):
    pace.policy(0, 8)
    grant = give(pace)
    pace.pass_time(100)
    assert pace.take("pod-b:1", starving=starving).grants == ()
    pace.pass_time(100)
    assert pace.exchange("pod-a:1", holds=[Hold(grant.token, 8)]).holds[0].slots == left
    # the other four are in use until their worker says that they are not
    assert pace.take("pod-b:1").grants == ()
    pace.exchange("pod-a:1", holds=[Hold(grant.token, left)])
    assert [grant.slots for grant in pace.take("pod-b:1").grants] == given


def test_a_delay_that_comes_up_ends_the_keeping(pace):
    pace.policy(0, 4)
    grant = give(pace)
    pace.policy(500, 4)
    assert pace.exchange("pod-a:1", holds=[Hold(grant.token, 4)]).holds[0].slots == 0
    assert replies.read_snapshot(pace.send(calls.pace_snapshot(KEYS))).held_slots == 4
    pace.exchange("pod-a:1", holds=[Hold(grant.token, 0)])
    assert wait_of(pace, slots=1) == 500


def test_back_off_doubles_and_each_success_halves_it(pace):
    waits = []
    for outcome in [Outcome.SLOW_DOWN, Outcome.SLOW_DOWN, Outcome.SUCCESS, Outcome.SUCCESS, Outcome.SUCCESS]:
        grant = give(pace)
        waits.append(pace.close(grant.token, 0, outcome=outcome).next_due_ms)
        pace.pass_time(waits[-1])
    assert waits == [2000, 4000, 2000, 1000, 1000]


def test_the_back_off_ends_at_ten_minutes(pace):
    for _ in range(15):
        grant = give(pace)
        due = pace.close(grant.token, 0, outcome=Outcome.SLOW_DOWN).next_due_ms
        pace.pass_time(due)
    assert due == 600_000


def test_answers_to_requests_from_before_the_last_raise_do_not_raise_again(pace):
    pace.policy(100, 3)
    pace.want("a.example")
    grants = pace.take(horizon=2000).grants
    pace.pass_time(1000)
    reply = pace.exchange("pod-a:1", closes=[Close(grant.token, 0, Outcome.SLOW_DOWN) for grant in grants])
    assert reply.next_due_ms == 200 + 2000 - 1000  # last sent at 200, the back-off once


def test_retry_after_and_crawl_delay_lengthen(pace):
    grant = give(pace)
    assert pace.close(grant.token, 0, retry_after_ms=30_000).next_due_ms == 30_000
    pace.pass_time(30_000)
    grant = give(pace)
    assert pace.close(grant.token, 0, crawl_delay_ms=7000).next_due_ms == 7000


def test_a_crawl_delay_is_remembered_by_an_idle_host_for_a_day(pace):
    grant = give(pace)
    pace.close(grant.token, 0, crawl_delay_ms=7000)
    pace.exchange("pod-a:1", idles=[HostSerial("a.example", 10)])
    pace.pass_time(23 * HOUR)
    assert pace.client.hexists(KEYS.clock, "a.example")
    pace.pass_time(2 * HOUR)
    assert not pace.client.exists(KEYS.clock, KEYS.resting)


def test_resting_records_are_collected_fifty_at_a_time(pace):
    pace.policy(10, 1)
    hosts = [f"h{n}.example" for n in range(120)]
    pace.want(*hosts)
    grants = pace.take(hosts=200, slots=500).grants
    pace.exchange(
        "pod-a:1", closes=[Close(grant.token, 0) for grant in grants], idles=[HostSerial(host, 10) for host in hosts]
    )
    pace.time_moves(1000)
    left = []
    for elapsed in (1000, 0, 0):
        pace.exchange("pod-a:1", elapsed=elapsed)
        left.append(pace.client.hlen(KEYS.clock))
    assert left == [70, 20, 0]


def test_a_late_report_under_no_grant_only_lengthens(pace):
    pace.want("a.example")
    reply = pace.exchange("pod-b:1", closes=[Close("host:a.example", 200), Close("host:a.example", 900)])
    assert reply.next_due_ms == 800
    reply = pace.exchange("pod-b:1", closes=[Close("host:a.example", calls.UNUSED, Outcome.SUCCESS)])
    assert reply.next_due_ms == 800


def test_a_dead_workers_slots_are_free_one_delay_after_it_is_known(pace):
    give(pace)
    pace.take("pod-a:2")
    pace.pass_time(5000)
    dead = calls.confirm_dead(KEYS, ["pod-a"], ["pod-a:2"])
    assert unpack(pace.send(dead)) == [1]
    assert unpack(pace.send(dead)) == [0]
    assert pace.exchange("pod-a:2").next_due_ms == 1000


def test_what_passed_before_a_confirmed_death_does_not_shorten_the_wait_after_it(pace):
    pace.exchange("pod-b:1")
    give(pace)
    pace.time_moves(10_000)  # ten seconds pass, and nobody has called since
    pace.send(calls.confirm_dead(KEYS, ["pod-a"]))
    assert pace.exchange("pod-b:1", elapsed=10_000).next_due_ms >= 900


def test_an_unconfirmed_death_frees_the_slot_at_its_deadline(pace):
    give(pace)
    pace.pass_time(SEND_WINDOW + OPEN - 1)
    assert pace.take("pod-b:1").grants == ()
    pace.pass_time(1)
    assert wait_of(pace, epoch="pod-b:1") == 1000


def test_many_callers_do_not_move_the_clock_over_the_same_time_twice(pace):
    pace.exchange("pod-a:1")
    pace.exchange("pod-b:1")
    pace.time_moves(HOUR)  # a step of the system's clock
    wall = pace.wall
    pace.exchange("pod-a:1", elapsed=400)
    pace.time_moves(HOUR)
    pace.exchange("pod-b:1", elapsed=400)
    assert pace.wall == wall + 400


def late_call(pace: Pace, epoch: str = "pod-a:1", **said) -> None:
    """A call 100 ms after the one before by its own clock, which Redis sees after 150 ms: 49 ms can be made up for."""
    pace.time_moves(150)
    pace.exchange(epoch, elapsed=100, stands=False, **said)
    pace.time_moves(0)


def test_a_call_that_was_long_under_way_does_not_slow_the_clock(pace):
    pace.exchange("pod-a:1")
    wall = pace.wall
    late_call(pace)
    assert pace.wall == wall + 100
    pace.time_moves(60)
    pace.exchange("pod-a:1", elapsed=100)
    assert pace.wall == wall + 200


def test_what_nobody_makes_up_for_is_forgotten(pace):
    pace.exchange("pod-a:1")
    late_call(pace)
    pace.time_moves(1000)
    pace.exchange("pod-a:1", elapsed=1000, stands=False)
    assert 30_000 < int(pace.client.hget(KEYS.meta, "owed")) < 45_000
    pace.time_moves(5000)
    pace.exchange("pod-a:1", elapsed=10, stands=False)
    assert int(pace.client.hget(KEYS.meta, "owed")) == 0


def test_a_clock_that_makes_up_for_lost_time_shortens_no_wait(pace):
    pace.exchange("pod-b:1")
    grant = give(pace)
    late_call(pace, closes=[Close(grant.token, 0)])
    wall = pace.wall
    reply = pace.exchange("pod-b:1", elapsed=150)
    assert pace.wall >= wall + 40
    assert reply.next_due_ms >= 990


def test_a_clock_that_makes_up_for_lost_time_keeps_open_requests_a_delay_apart(pace):
    pace.policy(300, 4)
    pace.exchange("pod-b:1")
    pace.want("a.example")
    late_call(pace, take=Take(1, 1))
    (grant,) = pace.take("pod-b:1", slots=1, horizon=2000, elapsed=150).grants
    assert grant.wait_ms >= 290
    assert 600 <= pace.take("pod-b:1", slots=2, horizon=2000).grants[1].wait_ms - grant.wait_ms < 700


def test_after_a_restart_every_host_waits_a_full_delay(pace):
    grant = give(pace, "old.example")
    pace.close(grant.token, 0)
    pace.want("new.example")
    pace.pass_time(1000)
    pace.run = "run-2"
    quiet = 2 * SEND_WINDOW + 1000
    assert pace.take().grants == ()
    assert pace.take().next_due_ms == quiet
    pace.pass_time(quiet - 1)
    assert pace.take().grants == ()
    pace.pass_time(1)
    assert sorted(names(pace.take())) == ["new.example", "old.example"]


def test_the_most_specific_pattern_wins(pace):
    rules = [Override("*.example", 100), Override("*.slow.example", 5000, 2), Override("a.slow.example", 7000)]
    pace.policy(1000, 1, *rules, Override("*.off.example", blocked=True))
    hosts = ["x.test", "b.example", "b.slow.example", "a.slow.example", "slow.example"]
    pace.want(*hosts, "x.off.example")
    reply = pace.take()
    assert {grant.host: grant.delay_ms for grant in reply.grants} == dict(
        zip(hosts, [1000, 100, 5000, 7000, 100], strict=True)
    )
    assert reply.blocked == ("x.off.example",)


def test_a_blocked_host_is_told_again_until_it_is_empty_and_served_when_unblocked(pace):
    pace.policy(1000, 1, Override("a.example", blocked=True))
    pace.want("a.example")
    assert pace.take().blocked == ("a.example",)
    assert pace.take().blocked == ()
    pace.pass_time(300_000)
    assert pace.take().blocked == ("a.example",)
    assert pace.exchange("pod-a:1", asks=[Ask("a.example")]).refused == (replies.Refused("a.example", -1),)
    pace.policy(1000, 1, version="open again")
    assert names(pace.take()) == ["a.example"]


def test_a_shorter_delay_takes_effect_on_hosts_that_wait(pace):
    pace.policy(60_000, 1)
    grant = give(pace)
    assert pace.close(grant.token, 0).next_due_ms == 60_000
    pace.pass_time(2000)
    pace.policy(500, 1)
    assert names(pace.take()) == ["a.example"]


def test_a_raised_limit_takes_effect_on_a_host_whose_slots_are_all_open(pace):
    give(pace)
    pace.policy(100, 2)
    pace.pass_time(100)
    assert names(pace.take("pod-b:1")) == ["a.example"]


def test_open_slots_over_a_lowered_limit_drain(pace):
    pace.policy(100, 3)
    pace.want("a.example")
    grants = pace.take(horizon=2000).grants
    pace.policy(100, 1)
    pace.pass_time(10_000)
    for grant in grants[:2]:
        pace.close(grant.token, 0)
        pace.pass_time(10_000)
        assert pace.take().grants == ()
    pace.close(grants[2].token, 0)
    pace.pass_time(100)
    assert names(pace.take()) == ["a.example"]


def test_who_asked_by_name_is_served_before_who_takes(pace):
    grant = give(pace)
    refused = pace.exchange("pod-b:1", asks=[Ask("a.example")], take=Take(0, 0, 0)).refused[0]
    assert refused.retry_in_ms == 200
    pace.close(grant.token, 0)
    pace.pass_time(1000)
    assert pace.take("pod-c:1").grants == ()
    (asked,) = pace.exchange("pod-b:1", asks=[Ask("a.example")]).grants
    assert (asked.host, asked.asked) == ("a.example", True)


def robots(pace: Pace, epoch: str = "pod-a:1", **said) -> list[tuple[str, str]]:
    return [(row.origin, row.status) for row in replies.read_robots(pace.send(calls.robots(KEYS, epoch, 0, **said)))]


def test_one_worker_fetches_robots_and_all_read_it_until_it_is_over(pace):
    claim = [RobotsClaim("https://a", 5000)]
    assert robots(pace, reads=["https://a"]) == [("https://a", "unknown")]
    assert robots(pace, claims=claim) == [("https://a", "yours")]
    assert robots(pace, claims=claim) == [("https://a", "yours")]
    assert robots(pace, "pod-b:1", claims=claim, reads=["https://a"]) == [("https://a", "fetching")] * 2
    pace.pass_time(5000)
    assert robots(pace, "pod-b:1", claims=claim) == [("https://a", "yours")]
    robots(pace, "pod-b:1", writes=[RobotsWrite("https://a", "ok", b"Disallow: /x\xff", 1000)])
    (row,) = replies.read_robots(pace.send(calls.robots(KEYS, "pod-a:1", 0, claims=claim)))
    assert row == replies.RobotsAnswer("https://a", "ok", b"Disallow: /x\xff", 1000)
    pace.pass_time(1000)
    assert robots(pace, reads=["https://a"]) == [("https://a", "unknown")]
    robots(pace, writes=[RobotsWrite("https://b", "allow", b"", 1000)])
    assert pace.client.hkeys(KEYS.robots) == [b"https://b"]


def commands_of(pace: Pace) -> int:
    """How many commands scripts have called since the last look (and what the look itself takes)."""
    stats = pace.client.info("commandstats")
    pace.client.config_resetstat()
    return sum(stat["calls"] for name, stat in stats.items() if not name.startswith("cmdstat_evalsha"))


def test_the_largest_exchange_calls_a_bounded_number_of_commands(pace):
    pace.policy(10, 1, *[Override(f"*.x{n}.example", 20) for n in range(1000)])
    hosts = [f"h{n}.example" for n in range(3000)]
    for first in range(0, 3000, 200):
        pace.want(*hosts[first : first + 200])
    grants = [grant for _ in range(3) for grant in pace.take(hosts=200, slots=500).grants]
    pace.pass_time(5000)
    commands_of(pace)
    pace.exchange(
        "pod-a:1",
        closes=[Close(grant.token, 0, Outcome.SLOW_DOWN) for grant in grants[:400]],
        wants=[HostSerial(f"n{n}.example", 20) for n in range(200)],
        idles=[HostSerial(host, 20) for host in hosts[2800:]],
        asks=[Ask(f"m{n}.example", 1) for n in range(100)],
        take=Take(200, 500, 2000),
    )
    policies = 500 + 500 + 500 + 200 + 216  # one look-up for each host whose record is new
    assert 20 < commands_of(pace) <= 60 + policies


def test_a_policy_of_a_thousand_patterns_takes_a_handful_of_commands(pace):
    commands_of(pace)
    pace.policy(10, 1, *[Override(f"*.x{n}.example", 20) for n in range(1000)])
    assert commands_of(pace) <= 15
