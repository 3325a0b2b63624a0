"""What does the store do with a worker's numbers, beats, silence and end?"""

import pytest

from crawlfleet_frontier import errors
from crawlfleet_frontier.packing import unpack
from crawlfleet_frontier.store import calls, replies
from crawlfleet_frontier.store.calls import Settlement
from crawlfleet_frontier.store.replies import Moved
from tests.frontier.store_scene import KEYS, Scene, dump, requests, send

HOST = "a.example"


@pytest.fixture
def scene(client) -> Scene:
    scene = Scene(client, max_losses=2)
    scene.push(requests(range(10)))
    return scene


def tokens(leased) -> list[str]:
    return [grant.token for grant in leased.grants]


def test_joining_says_how_the_job_stands(scene):
    worker = scene.worker()
    assert worker.join() == replies.Joined("unseeded", "open", "", to_reap=0)
    with pytest.raises(errors.LayoutMismatch, match="this store has frontier/1, the worker frontier/9"):
        send(scene.client, calls.join(KEYS, "pod:2", "frontier/9"))


def test_a_repeated_call_has_the_reply_it_had_and_no_effect(scene):
    worker = scene.worker()
    call = calls.lease(KEYS, [(HOST, 2)])
    first = worker.send(call)
    before = dump(scene.client)
    assert worker.send(call, number=1) == first
    assert dump(scene.client) == before


def test_the_last_eight_replies_are_kept(scene):
    worker = scene.worker()
    sent = [worker.send(calls.lease(KEYS, [(HOST, 1)])) for _ in range(10)]
    assert [worker.send(calls.lease(KEYS, []), number=n) for n in range(3, 11)] == sent[2:]
    for number in (2, 12):
        with pytest.raises(errors.OutOfOrder, match=f"call {number} came where 11 is the next"):
            worker.send(calls.lease(KEYS, []), number=number)


def test_a_settle_behind_a_push_that_was_refused_is_refused_too(scene):
    worker = scene.worker()
    [token] = tokens(worker.lease((HOST, 1)))
    with pytest.raises(errors.TooBig):
        worker.push(requests(range(501)))
    with pytest.raises(errors.OutOfOrder):
        worker.settle(done=[token])
    assert scene.tally()["leased"] == 1


def test_a_repeated_reply_is_kept_through_closing(scene):
    worker = scene.worker()
    reply = worker.send(calls.push(KEYS, requests(range(3))))
    scene.client.hset(KEYS.meta, "state", "closed")
    assert worker.send(calls.push(KEYS, requests(range(3))), number=1) == reply
    with pytest.raises(errors.Closed):
        worker.push(requests(range(3)))


def test_a_beat_counts_once_and_in_order(scene):
    worker = scene.worker()
    assert worker.beat(increments={"pages": 3, "items": 2}).applied
    worker.beats = 0
    assert not worker.beat(increments={"pages": 3, "items": 2}).applied
    assert {"pages": 3, "items": 2}.items() <= scene.snapshot().counters.items()
    worker.beats = 2
    with pytest.raises(errors.OutOfOrder):
        worker.beat()


def test_a_beat_tells_whether_both_sides_know_the_same_leases(scene):
    worker = scene.worker()
    held = tokens(worker.lease((HOST, 4)))
    assert not worker.beat(held).mismatch
    assert worker.beat(held[:3]).mismatch
    assert worker.beat([*held[:3], "1.9"]).mismatch
    assert not worker.beat([], after_number=0).mismatch
    worker.settle(done=held[:2], release=held[2:3])
    assert not worker.beat(held[3:]).mismatch


def test_reconciling_gives_back_what_the_worker_does_not_hold(scene):
    worker = scene.worker()
    held = tokens(worker.lease((HOST, 4)))
    answer = replies.read_reconcile(worker.send(calls.reconcile(KEYS, [held[1], "7.7"])))
    assert (answer.returned, answer.unknown) == (3, ("7.7",))
    assert not worker.beat([held[1]]).mismatch
    assert [grant.losses for grant in worker.lease((HOST, 9)).grants] == [0] * 9


def test_leaving_gives_everything_back_and_counts_no_loss(scene):
    worker = scene.worker()
    first = [grant.payload for grant in worker.lease((HOST, 4)).grants]
    assert worker.leave() == Moved(4, 0)
    with pytest.raises(errors.Fenced):
        worker.leave()
    other = scene.worker("pod:2")
    grants = other.lease((HOST, 4)).grants
    assert [grant.payload for grant in grants] == first
    assert {grant.losses for grant in grants} == {0}
    assert not scene.client.exists(f"{KEYS.prefix}w:pod:1", f"{KEYS.prefix}l:pod:1")


def test_leaving_with_much_takes_several_calls(client):
    scene = Scene(client)
    for first in (0, 500):
        scene.push(requests(range(first, first + 500)))
    worker = scene.worker()
    for _ in range(2):
        worker.lease((HOST, 400))
    assert [worker.leave(), worker.leave()] == [Moved(500, 300), Moved(300, 0)]
    assert (scene.tally()["leased"], scene.tally()["queued"]) == (0, 1000)


def test_a_silent_worker_is_reaped_and_what_it_held_is_suspect(scene):
    silent, other = scene.worker(), scene.worker("pod:2")
    held = tokens(silent.lease((HOST, 3)))
    scene.pass_leases(5000)
    assert other.beat().to_reap == 0
    scene.pass_leases(2000)
    assert other.beat().to_reap == 1
    assert scene.reap() == Moved(3, 0)
    assert (scene.tally()["leased"], scene.tally()["suspects"], scene.tally()["queued"]) == (0, 3, 10)
    for word in (silent.beat, silent.join, lambda: silent.settle(done=held), lambda: silent.lease((HOST, 1))):
        with pytest.raises(errors.Fenced):
            word()
    assert other.beat().suspects == 3


def test_an_hour_without_beats_and_redis_is_one_second(scene):
    worker = scene.worker()
    scene.client.hincrby(KEYS.meta, "lease_last", -3_600_000)
    assert scene.tick().to_reap == 0
    assert scene.reap() == Moved(0, 0)
    scene.client.hincrby(KEYS.meta, "lease_last", 7_200_000)
    before = scene.tick().lease_clock
    assert scene.tick().lease_clock - before <= 1000
    assert worker.beat().to_reap == 0


def test_the_wall_clock_moves_no_faster_than_the_caller_says(scene):
    start = scene.tick(0).wall_clock
    scene.client.hincrby(KEYS.meta, "last", -3_600_000)
    assert scene.tick(250).wall_clock == start + 250
    scene.client.hincrby(KEYS.meta, "last", 3_600_000)
    assert scene.tick(250).wall_clock == start + 250
    assert start + 250 <= scene.tick(60_000).wall_clock <= start + 10_000


def test_reaping_much_takes_steps_and_the_epoch_stays_fenced(client):
    scene = Scene(client, max_losses=0)
    for first in (0, 500):
        scene.push(requests(range(first, first + 500)))
    worker = scene.worker()
    for _ in range(2):
        worker.lease((HOST, 300))
    assert scene.reap(worker.epoch) == Moved(500, 100)
    with pytest.raises(errors.Fenced):
        worker.beat()
    with pytest.raises(errors.Fenced):
        worker.join()
    assert scene.tick().to_reap == 1
    assert scene.reap() == Moved(100, 0)
    assert (scene.tally()["queued"], scene.snapshot().counters["losses"]) == (1000, 600)


def test_the_leases_of_a_fenced_worker_are_not_its_own_while_they_are_moved(client):
    scene = Scene(client)
    for first in (0, 500):
        scene.push(requests(range(first, first + 500)))
    worker = scene.worker()
    held = [token for _ in range(2) for token in tokens(worker.lease((HOST, 300)))]
    assert scene.reap(worker.epoch) == Moved(500, 100)
    with pytest.raises(errors.Fenced):
        worker.settle(done=held[:500])
    assert (scene.tally()["done"], scene.tally()["leased"]) == (0, 100)


def test_an_end_that_the_operator_knows_of_counts_no_loss(scene):
    worker = scene.worker()
    first = [grant.payload for grant in worker.lease((HOST, 3)).grants]
    assert scene.reap(worker.epoch, blame=False) == Moved(3, 0)
    grants = scene.worker("pod:2").lease((HOST, 3)).grants
    assert ([grant.payload for grant in grants], {grant.losses for grant in grants}) == (first, {0})


def test_a_process_that_begins_in_its_place_has_its_predecessor_reaped_at_once(scene):
    for epoch in ("pod-a:1", "pod-a:1:1", "pod-ab:1", "pod-b:1"):
        scene.worker(epoch).lease((HOST, 1))
    assert scene.worker("pod-a:2").join().to_reap == 0
    successor = replies.read_join(send(scene.client, calls.join(KEYS, "pod-a:3", first=True)))
    assert successor.to_reap == 2, "pod-a:1 and pod-a:2"
    assert scene.reap() == Moved(1, 0)
    assert {worker.epoch for worker in scene.snapshot().workers} == {"pod-a:3", "pod-a:1:1", "pod-ab:1", "pod-b:1"}
    assert scene.snapshot().counters["losses"] == 1
    with pytest.raises(errors.Fenced):
        send(scene.client, calls.join(KEYS, "pod-a:1", first=True))


def test_what_a_killed_worker_held_is_out_together_after_its_first_loss_and_alone_before_the_last(client):
    scene = Scene(client, max_losses=3)
    scene.push(requests(range(3)))
    scene.worker("pod-a:1").lease((HOST, 3))
    scene.reap("pod-a:1")
    grants = scene.worker("pod-b:1").lease((HOST, 3)).grants
    assert [(grant.losses, grant.payload) for grant in grants] == [(1, one.payload) for one in requests(range(3))]
    scene.reap("pod-b:1")
    assert (scene.tally()["suspects"], scene.tally()["hosts"]) == (3, 0)
    [suspect] = scene.worker("pod-c:1").lease((HOST, 3), alone=True).grants
    assert (suspect.losses, suspect.payload) == (2, requests(range(1))[0].payload)


def test_nothing_dies_of_a_loss_beside_others_where_the_limit_was_lowered(client):
    scene = Scene(client, max_losses=3)
    scene.push(requests(range(3)))
    for epoch in ("pod-a:1", "pod-b:1"):
        scene.worker(epoch).lease((HOST, 3))
        scene.reap(epoch)
        scene.one(calls.configure(KEYS, host_cap=0, stop_pages=0, max_losses=2))
    assert (scene.tally()["suspects"], scene.tally()["dead"]) == (3, 0)
    scene.worker("pod-c:1").lease(alone=True)
    scene.reap("pod-c:1")
    assert (scene.tally()["suspects"], scene.tally()["dead"]) == (2, 1)


def test_suspects_go_out_alone_to_one_worker(scene):
    scene.worker("lost").lease((HOST, 2))
    scene.reap("lost")
    one, two = scene.worker("pod:1"), scene.worker("pod:2")
    leased = one.lease((HOST, 2))
    assert (leased.turn, leased.suspects, len(leased.grants)) == (True, 2, 2)
    assert not two.lease((HOST, 1)).turn
    assert two.lease(alone=True).grants == ()
    assert one.lease(alone=True).grants == ()
    one.settle(done=tokens(leased))
    [suspect] = one.lease((HOST, 5), alone=True).grants
    assert suspect.losses == 1
    assert one.lease((HOST, 5)).grants == ()
    assert one.lease(alone=True).grants == ()
    one.settle(done=[suspect.token])
    [other] = one.lease(alone=True).grants
    one.settle(done=[other.token])
    assert not one.lease((HOST, 5)).turn
    assert len(one.lease((HOST, 5)).grants) == 0
    assert scene.tally()["suspects"] == 0


def test_a_poison_page_costs_two_workers_and_nothing_beside_it(scene):
    scene.worker("pod:1").lease((HOST, 5))
    scene.reap("pod:1")
    heir = scene.worker("pod:2")
    [poison] = heir.lease(alone=True).grants
    scene.reap("pod:2")
    [(_, letter)] = scene.client.xrange(KEYS.dead)
    assert (letter[b"reason"], letter[b"losses"], letter[b"payload"]) == (b"WorkerLost", b"2", poison.payload)
    third = scene.worker("pod:3")
    for _ in range(4):
        [suspect] = third.lease(alone=True).grants
        third.settle(done=[suspect.token])
    assert (scene.tally()["dead"], scene.tally()["done"], scene.tally()["queued"]) == (1, 4, 5)


def test_the_turn_passes_on_when_its_worker_ends(scene):
    scene.worker("lost").lease((HOST, 1))
    scene.reap("lost")
    one, two = scene.worker("pod:1"), scene.worker("pod:2")
    assert one.lease().turn
    one.leave()
    assert two.lease().turn


def test_the_turn_of_a_worker_that_lives_and_does_not_ask_lapses(scene):
    scene.worker("lost").lease((HOST, 2))
    scene.reap("lost")
    one, two = scene.worker("pod:1"), scene.worker("pod:2")
    one.lease((HOST, 1))
    for _ in range(2):
        scene.pass_leases(5000)
        one.beat()
        two.beat()
        assert not two.lease(alone=True).turn
        assert one.lease(alone=True).turn, "it finishes what it holds, and asks"
    scene.pass_leases(3000)
    one.beat()
    assert one.lease((HOST, 1)).turn, "who asks for other work does not ask for a suspect"
    scene.pass_leases(4000)
    one.beat()
    leased = two.lease(alone=True)
    assert (leased.turn, len(leased.grants)) == (True, 1)
    assert not one.lease(alone=True).turn


@pytest.mark.parametrize("how", ["released", "left", "reconciled", "retried", "forgiven"])
def test_a_suspect_that_comes_back_is_a_suspect_still(scene, how):
    scene.worker("lost").lease((HOST, 2))
    scene.reap("lost")
    worker, other = scene.worker("pod:1"), scene.worker("pod:2")
    [suspect] = worker.lease(alone=True).grants
    if how == "released":
        worker.settle(release=[suspect.token])
    elif how == "left":
        assert worker.leave() == Moved(1, 0)
    elif how == "reconciled":
        worker.send(calls.reconcile(KEYS, []))
    elif how == "retried":
        worker.settle(retry=[(suspect.token, 0, b"")])
        assert other.lease((HOST, 0)).suspects == 2
    else:
        assert scene.reap(worker.epoch, blame=False) == Moved(1, 0)
    assert (scene.tally()["suspects"], scene.tally()["queued"]) == (2, 10)
    assert {grant.losses for grant in other.lease((HOST, 99)).grants} == {0}


def test_the_only_suspect_is_given_out_in_the_call_that_finds_its_delay_over(scene):
    scene.worker("lost").lease((HOST, 1))
    scene.reap("lost")
    worker = scene.worker()
    [suspect] = worker.lease(alone=True).grants
    worker.settle(retry=[(suspect.token, 0, b"changed")])
    [again] = worker.lease(alone=True).grants
    assert (again.losses, again.payload, scene.tally()["suspects"]) == (1, b"changed", 0)
    assert worker.settle(done=[again.token]).applied == 1


def test_a_lease_that_is_given_up_counts_a_loss(scene):
    worker = scene.worker()
    [token] = tokens(worker.lease((HOST, 1)))
    worker.settle(expired=[token])
    [suspect] = worker.lease(alone=True).grants
    worker.settle(expired=[suspect.token])
    assert (scene.tally()["suspects"], scene.tally()["dead"]) == (0, 1)
    assert {"expired": 2, "losses": 2}.items() <= scene.snapshot().counters.items()


def test_the_snapshot_names_each_worker_and_what_it_holds(scene):
    worker = scene.worker()
    worker.lease((HOST, 4))
    worker.beat(state='{"phase": "draining"}')
    scene.pass_leases(2000)
    [seen] = scene.snapshot().workers
    assert (seen.epoch, seen.state, seen.held) == ("pod:1", '{"phase": "draining"}', 4)
    assert seen.silent_ms >= 2000


def test_the_digest_is_the_sum_that_the_script_keeps(scene):
    worker = scene.worker()
    worker.number = 2_999_998
    scene.client.hset(f"{KEYS.prefix}w:pod:1", "n", worker.number)
    held = tokens(worker.lease((HOST, 5)))
    row = scene.client.hmget(f"{KEYS.prefix}w:pod:1", "held", "sum")
    assert tuple(map(int, row)) == calls.digest(held)
    worker.send(calls.settle(KEYS, Settlement(done=held)))
    assert scene.client.hmget(f"{KEYS.prefix}w:pod:1", "held", "sum") == [b"0", b"0"]


def test_a_reply_is_one_messagepack_array(scene):
    assert isinstance(unpack(scene.worker().send(calls.lease(KEYS, []))), list)
