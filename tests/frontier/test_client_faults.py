"""Is every page fetched, and none settled wrongly, whatever happens to replies, connections and Redis itself?"""

import asyncio
import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest

from crawlfleet_frontier.client import Lease, now
from crawlfleet_frontier.envelope import FrontierRequest
from tests.frontier.crawl_scene import KEYS, PACE_KEYS, QUICK, Scene, new_scene, pages, until
from tests.servers.proxy import lossy_proxy


@pytest.fixture
def scene() -> Iterator[Scene]:
    with new_scene(appendonly=True) as made:
        yield made


async def through(scene: Scene, count: int, *workers, seconds: float = 0.005) -> None:
    """Crawl a site of so many pages with these workers to the end."""
    root, links = pages(count)
    scene.push(root)
    crawls = [asyncio.create_task(scene.crawl(worker, links, seconds)) for worker in workers]
    await until(lambda: scene.numbers("done") == (count,), 60)
    assert scene.close()
    await asyncio.gather(*crawls)


def lose_every(nth: int):
    """Lose the reply to every nth script call."""
    calls = itertools.count(1)
    return lambda request: b"EVAL" in request and next(calls) % nth == 0


async def test_every_tenth_reply_lost_loses_and_doubles_nothing(scene):
    scene.create(seed_state="seeded")
    with lossy_proxy(scene.server.port, lose_every(10)) as proxy:
        async with scene.worker("pod-a", port=proxy.port) as one, scene.worker("pod-b", port=proxy.port) as two:
            await through(scene, 400, one, two)
    assert proxy.lost >= 3
    assert {*scene.fetched} == {f"http://a.example/{n}" for n in range(400)}
    assert scene.numbers("admitted", "done", "leased", "queued", "dead") == (400, 400, 0, 0, 0)


async def test_redis_killed_and_back_with_its_file(scene):
    scene.create(seed_state="seeded")
    async with scene.worker() as worker:
        root, links = pages(300)
        scene.push(root)
        crawl = asyncio.create_task(scene.crawl(worker, links, 0.01))
        await until(lambda: len(scene.fetched) > 60)
        scene.server.kill()
        await asyncio.sleep(1.0)
        scene.server.start()
        await until(lambda: scene.numbers("done") == (300,), 60)
        assert scene.close()
        await crawl
    assert {*scene.fetched} == {f"http://a.example/{n}" for n in range(300)}
    assert scene.numbers("suspects", "dead") == (0, 0)


async def test_after_a_restart_a_host_waits_a_full_delay(scene):
    scene.create(delay_ms=500, open_requests=1)
    scene.push(*[f"http://a.example/{n}" for n in range(10)])
    async with scene.worker() as worker:
        crawl = asyncio.create_task(scene.crawl(worker))
        await until(lambda: len(scene.fetched) == 2)
        scene.server.restart()
        await until(lambda: len(scene.fetched) >= 4)
        crawl.cancel()
    gaps = [
        sent - came for sent, came in zip(scene.sends["a.example"][1:], scene.first_bytes["a.example"], strict=False)
    ]
    assert min(gaps) >= 0.5


async def test_while_redis_is_away_the_work_is_kept(scene):
    scene.create()
    scene.push("http://a.example/1", "http://a.example/2")
    lost: list[Lease] = []
    async with scene.worker(on_lost=lost.extend) as worker:
        lease = await worker.next_lease()
        assert worker.sent(lease)
        scene.server.stop()
        worker.closed(lease, first_byte=now())
        worker.push([FrontierRequest("http://b.example/")], parent=lease)
        worker.done(lease)
        await until(lambda: bool(worker.trouble))
        await asyncio.sleep(1.5)
        scene.server.start()
        await until(lambda: scene.numbers("done", "admitted") == (1, 3))
    assert not lost


async def test_an_emptied_redis_is_waited_for_and_nothing_is_written(scene):
    scene.create()
    scene.push("http://a.example/1")
    async with scene.worker() as worker:
        lease = await worker.next_lease()
        worker.sent(lease)
        with scene.server.client() as client:
            client.flushall()
            worker.push([FrontierRequest("http://b.example/")], parent=lease)
            worker.done(lease)
            await until(lambda: "NoSentinel" in worker.trouble)
            assert client.keys("*") == []


async def test_a_redis_from_before_makes_a_worker_begin_anew(scene):
    """The end of the file is lost: what was settled in it comes again, with its requests."""
    scene.create()
    scene.push("http://a.example/1")
    lost: list[Lease] = []
    with scene.server.client(decode_responses=False) as client:
        async with scene.worker(on_lost=lost.extend) as worker:
            lease = await worker.next_lease()
            worker.sent(lease)
            await asyncio.sleep(0.1)
            before = {key: client.dump(key) for key in client.keys(f"{KEYS.prefix}*")}
            worker.push([FrontierRequest("http://b.example/")], parent=lease)
            await worker.flushed()
            pipe = client.pipeline()
            for key in client.keys(f"{KEYS.prefix}*"):
                pipe.delete(key)
            for key, value in before.items():
                pipe.restore(key, 0, value)
            pipe.execute()
            epoch = worker.epoch
            worker.done(lease)
            await until(lambda: worker.epoch != epoch)
            async with asyncio.timeout(10):
                again = await worker.next_lease()
            assert (again.request.url, again.losses) == ("http://a.example/1", 0)
            assert lost == [lease] or not lost


async def test_near_the_memory_limit_nothing_new_is_leased(scene):
    scene.create()
    async with asyncio.timeout(30), scene.worker() as worker:
        with scene.server.client() as client:
            client.setrange("ballast", 50_000_000, "x")  # beside it the buffers of connections come to nothing
            client.config_set("maxmemory", int(client.info("memory")["used_memory"] / 0.9))
            await until(lambda: worker._sessions.current.books.memory_tight)
            scene.push("http://a.example/1")
            await until(lambda: not scene.snapshot().wakes)
            held = worker._sessions.current.books.held
            looked = held.view.number
            await until(lambda: held.view.number >= looked + 2)
            assert scene.numbers("queued", "leased") == (1, 0)
            client.config_set("maxmemory", "0")
        assert worker.sent(await worker.next_lease())


async def test_with_memory_full_no_page_is_fetched_in_vain(scene):
    """Its requests wait for room where they are, and it with them: nobody fetches it again, here or elsewhere."""
    scene.create()
    scene.push("http://a.example/1")
    async with scene.worker() as worker, scene.worker("pod-b") as other:
        lease = await worker.next_lease()
        worker.sent(lease)
        with scene.server.client() as client:
            client.config_set("maxmemory", "1mb")
            links = [f"http://b.example/{n}" for n in range(1200)]
            worker.push([FrontierRequest(link) for link in links], parent=lease)
            worker.done(lease)
            await until(lambda: worker._sessions.current.books.memory_tight)
            waiting = [asyncio.create_task(each.next_lease()) for each in (worker, other)]
            handed_out, _ = await asyncio.wait(waiting, timeout=6, return_when=asyncio.FIRST_COMPLETED)
            assert not handed_out
            assert scene.numbers("admitted", "leased", "queued", "done", "suspects") == (1, 1, 0, 0, 0)
            client.config_set("maxmemory", "0")
        await until(lambda: scene.numbers("admitted", "done") == (1201, 1), 30)
        handed_out, waits = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        assert {each.result().request.url for each in handed_out} <= {*links}
        for each in waits:
            each.cancel()


async def test_a_worker_that_goes_while_memory_is_full_gives_its_page_back(scene):
    scene.create()
    scene.push("http://a.example/1")
    with scene.server.client() as client:
        async with scene.worker(settings=replace(QUICK, leave_seconds=1.0)) as worker:
            lease = await worker.next_lease()
            worker.sent(lease)
            client.config_set("maxmemory", "1mb")
            worker.push([FrontierRequest(f"http://b.example/{n}") for n in range(700)], parent=lease)
            worker.done(lease)
            await until(lambda: worker._sessions.current.books.memory_tight)
        client.config_set("maxmemory", "0")
    async with scene.worker("pod-b") as other:
        again = await other.next_lease()
        assert (again.request.url, again.losses) == ("http://a.example/1", 0)


async def test_a_stalled_connection_is_given_up(scene):
    scene.create()
    async with scene.worker() as worker:
        scene.server.pause()
        worker.push([FrontierRequest("http://a.example/")])
        await until(lambda: bool(worker.trouble))
        scene.server.resume()
        await worker.flushed()
    assert scene.numbers("admitted") == (1,)


async def test_where_the_frontier_went_back_in_time_all_hosts_are_told_again(scene):
    """The pace store was told that the host ran empty, after the moment that the frontier is back at."""
    scene.create(delay_ms=4000, open_requests=1)
    scene.push("http://a.example/1")
    with scene.server.client(decode_responses=False) as client:
        async with asyncio.timeout(40), scene.worker() as worker:
            await scene.fetch(worker, await worker.next_lease(), lambda url: [])
            scene.push("http://a.example/2")
            await until(lambda: scene.numbers("queued", "leased") == (1, 0) and not scene.snapshot().wakes)
            before = {key: client.dump(key) for key in client.keys(f"crawlfleet:{{{KEYS.uid}:0}}:*")}
            await scene.fetch(worker, await worker.next_lease(), lambda url: [])
            await until(lambda: scene.numbers("done") == (2,) and not client.zcard(PACE_KEYS.ready))
            with client.pipeline() as restored:
                restored.delete(*client.keys(f"crawlfleet:{{{KEYS.uid}:0}}:*"))
                for key, value in before.items():
                    restored.restore(key, 0, value)
                restored.execute()
            again = await worker.next_lease()
            assert again.request.url == "http://a.example/2"
