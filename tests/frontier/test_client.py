"""Does a worker on the client do its part of a crawl on a real Redis?"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from crawlfleet_frontier import identity
from crawlfleet_frontier.client import FrontierClient, HostBlockedError, Lease, now
from crawlfleet_frontier.envelope import FrontierRequest
from crawlfleet_frontier.errors import BadInput, Fenced, LayoutMismatch
from crawlfleet_frontier.pace import calls as pace_calls
from crawlfleet_frontier.pace.calls import Outcome, Override, RobotsClaim, RobotsWrite
from crawlfleet_frontier.store import calls
from tests.frontier.crawl_scene import KEYS, PACE_KEYS, QUICK, Scene, pages, scene_on, until
from tests.servers.redis import RedisServer, redis_server


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with redis_server() as running:
        yield running


@pytest.fixture
def scene(server: RedisServer) -> Iterator[Scene]:
    with scene_on(server) as made:
        yield made


async def test_two_workers_fetch_every_page_once(scene):
    scene.create()
    root, links = pages(300)
    async with asyncio.timeout(30), scene.worker("pod-a") as one, scene.worker("pod-b") as two:
        assert await one.claim_seeds() == "run"
        assert await two.claim_seeds() == "wait"
        one.push([FrontierRequest(root)])
        await one.seeds_done()
        crawls = [asyncio.create_task(scene.crawl(worker, links)) for worker in (one, two)]
        await until(lambda: scene.numbers("done") == (300,) and scene.numbers("leased", "queued") == (0, 0))
        assert scene.close()
        await asyncio.gather(*crawls)
    assert Counter(scene.fetched) == {f"http://a.example/{n}": 1 for n in range(300)}


@pytest.mark.parametrize(("open_requests", "polite"), [(8, 0), (16, 0), (8, 3)])
async def test_a_worker_that_comes_later_gets_its_part_of_a_host_that_another_keeps(scene, open_requests, polite):
    """Whether it has some polite hosts or none."""
    scene.create(open_requests=open_requests)
    slow = [f"slow{host}.example" for host in range(polite)]
    scene.policy("2", 0, open_requests, *[Override(host, delay_ms=200, open_requests=1) for host in slow])
    settings = replace(QUICK, concurrency=8, ahead=8)
    root, links = pages(1_000_000)
    met: list[str] = []

    def links_of_the_first(url: str) -> list[str]:
        return [] if "slow" in url else links(url)

    def links_of_the_second(url: str) -> list[str]:
        if "slow" not in url:
            met.append(url)
        return links_of_the_first(url)

    one, two = scene.worker("pod-a", settings=settings), scene.worker("pod-b", settings=settings)
    async with asyncio.timeout(30), one:
        one.push([FrontierRequest(root)])
        crawls = [asyncio.create_task(scene.crawl(one, links_of_the_first, seconds=0.02))]
        await until(lambda: len(scene.fetched) > 100)
        async with two:
            two.push([FrontierRequest(f"http://{host}/{n}") for host in slow for n in range(200)])
            crawls.append(asyncio.create_task(scene.crawl(two, links_of_the_second, seconds=0.02)))
            await until(lambda: len(met) > 100)
            for crawl in crawls:
                crawl.cancel()


async def test_a_hosts_pace_is_kept_by_two_workers(scene):
    scene.create(delay_ms=100, open_requests=1)
    scene.push(*[f"http://a.example/{n}" for n in range(30)])
    async with scene.worker("pod-a") as one, scene.worker("pod-b") as two:
        crawls = [asyncio.create_task(scene.crawl(worker, seconds=0.01)) for worker in (one, two)]
        await until(lambda: len(scene.fetched) == 30)
        for crawl in crawls:
            crawl.cancel()
    gaps = [
        sent - came for sent, came in zip(scene.sends["a.example"][1:], scene.first_bytes["a.example"], strict=False)
    ]
    assert min(gaps) >= 0.1


async def test_hosts_do_not_wait_for_each_other(scene):
    scene.create(delay_ms=200, open_requests=1)
    scene.push(*[f"http://h{host}.example/{n}" for host in range(20) for n in range(5)])
    began = time.monotonic()
    async with scene.worker() as worker:
        crawl = asyncio.create_task(scene.crawl(worker))
        await until(lambda: len(scene.fetched) == 100)
        crawl.cancel()
    assert time.monotonic() - began < 10.0, "one after the other they take 20 s"


async def test_calls_stay_rare_at_full_speed_and_at_a_polite_pace(scene):
    scene.create(delay_ms=1000, open_requests=1)
    scene.policy("2", 1000, 1, Override("fast.example", delay_ms=0, open_requests=16))
    scene.push(*[f"http://h{host}.example/{n}" for host in range(25) for n in range(8)])

    def script_calls() -> int:
        with scene.server.client() as client:
            return sum(stat["calls"] for name, stat in client.info("commandstats").items() if "eval" in name)

    async with scene.worker(settings=replace(QUICK, beat_seconds=1.0)) as worker:
        crawl = asyncio.create_task(scene.crawl(worker, seconds=0.02))
        await until(lambda: len(scene.fetched) >= 50)
        before, fetched, began = script_calls(), len(scene.fetched), time.monotonic()
        await until(lambda: len(scene.fetched) >= fetched + 100)
        assert (script_calls() - before) / (time.monotonic() - began) <= 6.5
        crawl.cancel()


@pytest.mark.parametrize("word", ["done", "retry", "dead", "release", "expired"])
async def test_each_end_of_a_lease(scene, word):
    scene.create()
    scene.push("http://a.example/1")
    async with scene.worker() as worker:
        lease = await worker.next_lease()
        assert worker.sent(lease)
        worker.closed(lease, first_byte=now())
        arguments = {"retry": [60_000], "dead": ["Timeout", "no answer " + "ü" * 600]}.get(word, [])
        assert getattr(worker, word)(lease, *arguments)
        assert not getattr(worker, word)(lease, *arguments)
        if word == "release":
            assert (await worker.next_lease()).losses == 0
            return
        if word == "expired":
            again = await worker.next_lease()
            assert (again.losses, again.request.url) == (1, "http://a.example/1")
            return
        number = {"done": "done", "retry": "delayed", "dead": "dead"}[word]
        await until(lambda: scene.numbers(number) == (1,))


async def test_a_retry_comes_again_changed_after_its_delay(scene):
    scene.create()
    scene.push("http://a.example/1")
    async with asyncio.timeout(10), scene.worker() as worker:
        lease = await worker.next_lease()
        worker.sent(lease)
        began = time.monotonic()
        worker.retry(lease, 300, replace(lease.request, meta={"retry_times": 1}))
        again = await worker.next_lease()
        assert time.monotonic() - began >= 0.3
        assert again.request.meta == {"retry_times": 1}
        worker.done(again)
        await until(lambda: scene.numbers("admitted", "done") == (1, 1))


async def test_requests_round_the_filter_are_admitted_once_each(scene):
    scene.create()
    requests = [FrontierRequest("http://a.example/same", dont_filter=True)] * 3
    for _ in range(2):
        async with scene.worker() as worker:
            worker.push(requests)
            await worker.flushed()
    assert scene.numbers("admitted") == (3,)


async def test_a_page_is_settled_only_after_its_requests(scene):
    scene.create()
    scene.push("http://a.example/1")
    async with scene.worker() as worker:
        lease = await worker.next_lease()
        worker.sent(lease)
        worker.push([FrontierRequest(f"http://b.example/{n}") for n in range(1200)], parent=lease)
        worker.done(lease)
        seen = []
        await until(lambda: seen.append(scene.numbers("done", "admitted")) or seen[-1] == (1, 1201))
    assert all(admitted == 1201 for done, admitted in seen if done)


async def test_leaving_gives_everything_back_without_a_loss(scene):
    scene.create(delay_ms=1000, open_requests=1)
    scene.push(*[f"http://h{n}.example/" for n in range(10)])
    async with scene.worker() as worker:
        held = [await worker.next_lease() for _ in range(4)]
        assert worker.sent(held[0])
        worker.counts.add("items", 5)
    assert scene.numbers("queued", "leased", "suspects") == (10, 0, 0)
    assert scene.snapshot().counters["items"] == 5
    assert scene.snapshot().workers == ()
    assert all(not worker.done(lease) for lease in held)


async def test_draining_finishes_what_is_held_and_takes_nothing_more(scene):
    scene.create()
    scene.push(*[f"http://a.example/{n}" for n in range(50)])
    async with asyncio.timeout(10), scene.worker() as worker:
        lease = await worker.next_lease()
        worker.sent(lease)
        worker.drain()
        assert await worker.next_lease() is None
        worker.push([FrontierRequest("http://a.example/new")], parent=lease)
        assert worker.done(lease)
        await until(lambda: scene.numbers("done", "leased", "admitted") == (1, 0, 51))


async def test_a_fenced_worker_drops_everything_and_begins_anew(scene):
    scene.create()
    scene.push("http://a.example/1", "http://a.example/2")
    lost: list[Lease] = []
    async with asyncio.timeout(15), scene.worker(on_lost=lost.extend) as worker:
        first, second = await worker.next_lease(), await worker.next_lease()
        worker.sent(first)
        epoch = worker.epoch
        scene.run(calls.reap(KEYS, epoch, blame=False))
        await until(lambda: worker.epoch != epoch)
        assert {*lost} == {first, second}
        assert not worker.done(first)
        assert not worker.sent(second)
        worker.closed(first)
        again = [await worker.next_lease(), await worker.next_lease()]
        for lease in again:
            assert worker.sent(lease)
            worker.done(lease)
        await until(lambda: scene.numbers("done") == (2,))


async def test_the_seeds_of_a_fenced_worker_are_somebody_elses(scene):
    scene.create()
    async with asyncio.timeout(15), scene.worker() as worker:
        assert await worker.claim_seeds() == "run"
        epoch = worker.epoch
        scene.run(calls.reap(KEYS, epoch, blame=False))
        worker.push([FrontierRequest("http://a.example/")])
        await until(lambda: worker.epoch != epoch)
        with pytest.raises(Fenced):
            await worker.seeds_done()
        assert await worker.claim_seeds() == "run"
        await worker.seeds_done()
    assert scene.numbers("admitted") == (1,)


async def killed_with_three(scene: Scene) -> None:
    """A worker of the pod `pod-dead` takes three requests and ends without a word."""
    dead = scene.worker("pod-dead")
    await dead.__aenter__()
    for _ in range(3):
        await dead.next_lease()
    dead._sessions._beats.give_up()
    await dead._sessions.end()


async def test_what_a_killed_worker_held_is_out_again_when_its_successor_joins(scene):
    scene.create(silence_ms=60_000)
    scene.push(*[f"http://a.example/{n}" for n in range(3)])
    await killed_with_three(scene)
    async with asyncio.timeout(20), scene.worker("pod-dead") as successor:
        for _ in range(3):
            assert (await successor.next_lease()).losses == 1


async def test_what_a_silent_worker_held_comes_again_alone_before_its_last_loss(scene):
    scene.create(silence_ms=1000, max_losses=2)
    scene.push(*[f"http://a.example/{n}" for n in range(3)])
    await killed_with_three(scene)
    scene.run(pace_calls.confirm_dead(PACE_KEYS, ["pod-dead"]))
    async with asyncio.timeout(20), scene.worker("pod-b") as worker:
        for _ in range(3):
            lease = await worker.next_lease()
            assert lease.losses == 1
            assert scene.numbers("leased") == (1,)
            worker.sent(lease)
            worker.done(lease)
        await until(lambda: scene.numbers("done", "suspects") == (3, 0))


def lose(scene: Scene, host: str) -> None:
    """Make a request of this host a suspect: a worker that had it was lost."""
    scene.push(f"http://{host}/")
    scene.run(calls.join(KEYS, "lost:1"))
    scene.run(calls.lease(KEYS, [(host, 1)]).numbered("lost:1", 1))
    scene.run(calls.configure(KEYS, host_cap=0, stop_pages=0, max_losses=2))
    scene.run(calls.reap(KEYS, "lost:1"))


def turn(scene: Scene) -> tuple[str, int]:
    """Who is named to take suspects, and the lease clock."""
    meta = scene.snapshot().meta
    return meta["suspect_epoch"], int(meta["lease_clock"])


async def test_the_turn_stays_with_a_worker_that_finishes_first(scene):
    scene.create(silence_ms=2000)
    scene.push("http://long.example/")
    async with asyncio.timeout(30), scene.worker("pod-a") as first:
        held = await first.next_lease()
        assert first.sent(held)
        lose(scene, "suspect.example")
        await until(lambda: turn(scene)[0] == first.epoch)
        named_at = turn(scene)[1]
        async with scene.worker("pod-b"):
            seen = []
            await until(lambda: seen.append(turn(scene)) or seen[-1][1] - named_at > 5000)
            assert {epoch for epoch, _ in seen} == {first.epoch}
            first.done(held)
            assert (await first.next_lease()).losses == 1


async def test_the_turn_of_a_worker_that_drains_passes_on(scene):
    scene.create(silence_ms=2000)
    scene.push("http://long.example/")
    async with asyncio.timeout(30), scene.worker("pod-a") as first:
        held = await first.next_lease()
        assert first.sent(held)
        lose(scene, "suspect.example")
        await until(lambda: turn(scene)[0] == first.epoch)
        first.drain()
        async with scene.worker("pod-b") as second:
            assert (await second.next_lease()).losses == 1
            assert scene.snapshot().meta["suspect_epoch"] == second.epoch
            assert first.done(held)


async def test_a_blocked_loop_does_not_fence_the_worker(scene):
    scene.create(silence_ms=1000)
    scene.push("http://a.example/1")
    async with scene.worker() as worker, scene.worker("pod-b"):
        lease = await worker.next_lease()
        worker.sent(lease)
        time.sleep(2.5)  # noqa: ASYNC251 - the point of the test
        assert worker.done(lease)
        await until(lambda: scene.numbers("done") == (1,))


async def test_a_slot_by_name_waits_for_its_host(scene):
    scene.create(delay_ms=300, open_requests=1)
    scene.push("http://a.example/1")
    async with asyncio.timeout(10), scene.worker() as worker:
        lease = await worker.next_lease()
        assert worker.sent(lease)
        came = now()
        worker.closed(lease, first_byte=came)
        slot = await worker.slot("a.example")
        assert now() - came >= 0.3
        assert worker.sent(slot)
        worker.closed(slot, first_byte=now())
        worker.done(lease)


async def test_consumers_that_gave_their_slots_back_and_ask_for_others_are_served_before_the_buffer(scene):
    """A consumer without room for more asks by name for what it has taken; the buffer's leases must not starve it."""
    scene.create(delay_ms=0, open_requests=2)
    scene.push(*[f"http://a.example/{n}" for n in range(20)])
    async with asyncio.timeout(20), scene.worker(settings=replace(QUICK, concurrency=2)) as worker:
        taken = [await worker.next_lease() for _ in range(2)]
        await until(lambda: scene.numbers("leased")[0] > 2)  # more lie in the buffer
        for lease in taken:
            worker.closed(lease.slot)  # nothing was sent in time
        for _ in taken:
            slot = await worker.slot("a.example")
            assert worker.sent(slot)
            worker.closed(slot, first_byte=now())


async def test_a_blocked_host_is_said_so_and_its_requests_are_dead(scene):
    scene.create(delay_ms=0)
    scene.policy("2", 0, 8, Override("ads.example", blocked=True))
    scene.push("http://ads.example/1", "http://a.example/1")
    async with asyncio.timeout(10), scene.worker() as worker:
        assert (await worker.next_lease()).host == "a.example"
        with pytest.raises(HostBlockedError, match=r"ads\.example"):
            await worker.slot("ads.example")
        await until(lambda: scene.numbers("dead") == (1,))


async def test_a_hosts_slot_ends_with_the_connection_and_not_with_the_lease(scene):
    scene.create(delay_ms=100, open_requests=1)
    scene.push(*[f"http://a.example/{n}" for n in range(2)])
    async with asyncio.timeout(10), scene.worker() as worker:
        first = await worker.next_lease()
        assert worker.sent(first)
        worker.closed(first, first_byte=now())
        second = await worker.next_lease()
        assert scene.numbers("leased", "done") == (2, 0)
        assert worker.sent(second)
        assert worker.done(first)
        assert worker.done(second)


async def test_a_429_slows_its_host_down(scene):
    scene.create(delay_ms=0, open_requests=4)
    scene.push(*[f"http://a.example/{n}" for n in range(20)])
    async with asyncio.timeout(20), scene.worker() as worker:
        lease = await worker.next_lease()
        worker.sent(lease)
        worker.closed(lease, first_byte=now(), outcome=Outcome.SLOW_DOWN)
        slowed = now()
        worker.retry(lease, 0)
        taken = []
        while now() - slowed < 0.9:
            try:
                async with asyncio.timeout(0.9):
                    taken.append(await worker.next_lease())
            except TimeoutError:
                break
        assert not [lease for lease in taken if worker.sent(lease)]
        again = await worker.next_lease()
        assert worker.sent(again)
        assert now() - slowed >= 1.0


async def test_robots_are_claimed_by_one_and_read_by_all(scene):
    scene.create()
    origin = "http://a.example:80"
    async with scene.worker("pod-a") as one, scene.worker("pod-b") as two:
        assert [(await worker.robots(claims=[RobotsClaim(origin, 5000)]))[0].status for worker in (one, two)] == [
            "yours",
            "fetching",
        ]
        await one.robots(writes=[RobotsWrite(origin, "ok", b"User-agent: *", 60_000)])
        (read,) = await two.robots(reads=[origin])
        assert (read.status, read.text) == ("ok", b"User-agent: *")


async def test_a_worker_waits_for_its_frontier_to_be_there(scene):
    joining = asyncio.create_task(scene.worker().__aenter__())
    await asyncio.sleep(0.3)
    assert not joining.done()
    scene.create()
    worker = await asyncio.wait_for(joining, 10)
    assert worker.trouble == ""
    await worker.leave()


async def test_another_layout_is_refused(scene):
    scene.create()
    with scene.server.client() as client:
        client.hset(KEYS.meta, "layout", "frontier/0")
    with pytest.raises(LayoutMismatch):
        async with asyncio.timeout(5):
            await scene.worker().__aenter__()


async def test_a_request_that_cannot_be_read_is_dead_with_a_reason(scene):
    scene.create()
    scene.run(calls.push(KEYS, [calls.PushRequest("1", "a.example", 3, b"\xc1\xff\xff")]))
    async with scene.worker():
        await until(lambda: scene.numbers("dead") == (1,))
    with scene.server.client(decode_responses=False) as client:
        assert client.xrange(KEYS.dead)[0][1][b"reason"] == b"Unreadable"


async def test_a_request_that_cannot_be_carried_is_refused_at_once(scene):
    scene.create()
    async with scene.worker() as worker:
        with pytest.raises(BadInput, match="meta"):
            worker.push([FrontierRequest("http://a.example/", meta={"f": lambda: None})])


async def test_a_new_pace_store_is_told_of_all_hosts(scene):
    scene.create()
    scene.push("http://a.example/1")
    async with asyncio.timeout(15), scene.worker() as worker:
        worker.release(await worker.next_lease())
    with scene.server.client() as client:
        for key in client.keys(f"{PACE_KEYS.prefix}*"):
            client.delete(key)
    scene.policy("1", 0, 8)
    async with asyncio.timeout(15), scene.worker("pod-b") as worker:
        lease = await worker.next_lease()
        assert lease.request.url == "http://a.example/1"


async def test_a_cancelled_consumer_loses_nothing(scene):
    scene.create()
    async with asyncio.timeout(10), scene.worker() as worker:
        waiting = [asyncio.create_task(worker.next_lease()) for _ in range(3)]
        await asyncio.sleep(0)
        scene.push("http://a.example/1")
        for task in waiting[:2]:
            task.cancel()
        lease = await waiting[2]
        assert lease.id == identity.request_id(identity.url_fingerprint("http://a.example/1"))


def test_a_client_that_has_not_joined_says_so(scene):
    with pytest.raises(RuntimeError, match="async with"):
        FrontierClient(scene.server.url, "u", "p").push([FrontierRequest("http://a.example/")])


async def test_what_the_frontier_is_known_to_have_is_not_pushed_again_and_counted(scene):
    scene.create()
    urls = [f"http://a.example/{n}" for n in range(3)]
    async with asyncio.timeout(20), scene.worker() as worker:
        for found in (urls[:2], urls):
            worker.push([FrontierRequest(url) for url in found])
            await worker.flushed()
        assert worker.knows(identity.request_id(identity.url_fingerprint(urls[0])))
        assert not worker.knows(identity.request_id(identity.url_fingerprint("http://a.example/unheard-of")))
        assert (scene.numbers("admitted"), scene.snapshot().counters.get("known", 0)) == ((3,), 0)
        await until(lambda: scene.snapshot().counters.get("known") == 3)


async def test_who_begins_anew_knows_nothing_of_what_its_epoch_had_learnt(scene):
    scene.create()
    own = identity.request_id(identity.url_fingerprint("http://a.example/1"))
    async with asyncio.timeout(20), scene.worker() as worker:
        worker.push([FrontierRequest("http://a.example/1")])
        await worker.flushed()
        epoch = worker.epoch
        assert worker.knows(own)
        scene.run(calls.reap(KEYS, epoch, blame=False))
        await until(lambda: worker.epoch != epoch)
        assert not worker.knows(own)


async def test_what_goes_round_the_filter_is_the_same_whatever_is_known_beside_it(scene):
    scene.create()
    scene.push("http://a.example/parent")
    links = [FrontierRequest("http://b.example/known"), FrontierRequest("http://b.example/", dont_filter=True)]
    async with asyncio.timeout(20), scene.worker() as worker:
        for _ in range(2):
            parent = await worker.next_lease()
            while parent.host != "a.example":
                worker.done(parent)
                parent = await worker.next_lease()
            worker.push(links, parent=parent)
            await worker.flushed()
            assert scene.numbers("admitted") == (3,)
            worker.release(parent)


async def test_what_was_left_out_over_the_hosts_cap_is_pushed_again(scene):
    scene.create(host_cap=1)
    found = [FrontierRequest(f"http://a.example/{n}") for n in range(2)]
    async with asyncio.timeout(20), scene.worker() as worker:
        for cap, admitted in [(1, 1), (5, 2)]:
            scene.run(calls.configure(KEYS, host_cap=cap, stop_pages=0, max_losses=3))
            worker.push(found)
            await worker.flushed()
            assert scene.numbers("admitted") == (admitted,)
