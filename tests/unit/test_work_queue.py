"""The queue of keys, in virtual time."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlfleet.work_queue import FIRST_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS, WorkQueue
from tests.unit import virtual_time


def in_virtual_time(test):
    """Run an async test in virtual time."""

    def run(**kwargs):
        virtual_time.run(test(**kwargs))

    run.__name__ = test.__name__
    return run


async def taken(queue, within=1000.0):
    """The next key and the seconds it took, done at once."""
    begin = virtual_time.now()
    key = await asyncio.wait_for(queue.get(), within)
    queue.done(key)
    return key, round(virtual_time.now() - begin, 3)


async def nothing_more(queue, seconds=1000.0):
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(queue.get(), seconds)
    return True


@in_virtual_time
async def test_a_key_waits_once():
    queue = WorkQueue()
    for key in ("a", "b", "a", "a"):
        queue.add(key)
    assert len(queue) == 2
    assert [(await taken(queue))[0] for _ in range(2)] == ["a", "b"]
    assert await nothing_more(queue)


@in_virtual_time
async def test_a_key_added_while_it_is_worked_on_comes_again_after():
    queue = WorkQueue()
    queue.add("a")
    key = await queue.get()
    queue.add(key)
    queue.add(key)
    assert len(queue) == 1
    assert await nothing_more(queue, 10), "never two of one key at a time"
    queue.done(key)
    assert await taken(queue) == ("a", 0)
    assert await nothing_more(queue)


@in_virtual_time
async def test_a_waiting_worker_is_woken():
    queue = WorkQueue()
    first, second = asyncio.create_task(queue.get()), asyncio.create_task(queue.get())
    await asyncio.sleep(1)
    queue.add("a")
    queue.add("b")
    assert {await first, await second} == {"a", "b"}


@in_virtual_time
async def test_a_worker_that_ends_as_it_is_woken_leaves_the_key_to_another():
    queue = WorkQueue()
    first, second, third = (asyncio.create_task(queue.get()) for _ in range(3))
    await asyncio.sleep(1)
    third.cancel()
    await asyncio.sleep(1)
    queue.add("a")
    first.cancel()
    assert await asyncio.wait_for(second, 1) == "a"
    assert first.cancelled()
    assert third.cancelled()


@in_virtual_time
async def test_a_key_taken_by_a_busy_worker_leaves_the_woken_one_waiting():
    queue = WorkQueue()
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(1)
    queue.add("a")
    assert await queue.get() == "a"
    await asyncio.sleep(1)
    assert not waiting.done()
    queue.add("b")
    assert await waiting == "b"


@in_virtual_time
async def test_later():
    queue = WorkQueue()
    queue.add_after("a", 30)
    assert len(queue) == 0
    assert await taken(queue) == ("a", 30)
    assert await nothing_more(queue)


@in_virtual_time
async def test_the_earliest_time_wins():
    queue = WorkQueue()
    queue.add_after("a", 30)
    queue.add_after("a", 5)
    queue.add_after("a", 60)
    assert await taken(queue) == ("a", 5)
    assert await nothing_more(queue)


@in_virtual_time
async def test_an_event_comes_before_the_time_and_takes_its_place():
    queue = WorkQueue()
    queue.add_after("a", 30)
    queue.add("a")
    queue.add_after("a", 40)
    assert await taken(queue) == ("a", 0)
    assert await nothing_more(queue)


@in_virtual_time
async def test_a_timer_that_ends_while_the_key_is_worked_on_brings_it_again():
    queue = WorkQueue()
    queue.add("a")
    key = await queue.get()
    queue.add_after("a", 1)
    assert await nothing_more(queue, 5)
    queue.done(key)
    assert await taken(queue) == ("a", 0)


@in_virtual_time
async def test_back_off_doubles_to_a_minute_and_is_forgotten():
    queue = WorkQueue()
    waits = []
    for _ in range(10):
        promised = queue.failed("a")
        key, waited = await taken(queue)
        assert (key, waited) == ("a", promised)
        waits.append(waited)
    assert waits == [0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60]
    for _ in range(2000):
        assert queue.failed("b") <= LONGEST_BACKOFF_SECONDS
    queue.succeeded("a")
    assert queue.failed("a") == FIRST_BACKOFF_SECONDS


@in_virtual_time
async def test_a_key_that_fails_does_not_hold_the_others_up():
    queue = WorkQueue()
    queue.failed("bad")
    queue.add("good")
    assert await taken(queue) == ("good", 0)
    assert await taken(queue) == ("bad", 0.5)


@in_virtual_time
async def test_a_key_that_is_gone_is_forgotten():
    queue = WorkQueue()
    queue.failed("a")
    queue.forget("a")
    assert await nothing_more(queue)
    assert queue.failed("a") == FIRST_BACKOFF_SECONDS


OPERATIONS = st.lists(
    st.tuples(st.sampled_from(["add", "later", "fail", "pass"]), st.sampled_from("abc"), st.integers(0, 5)), max_size=30
)


@given(OPERATIONS)
def test_every_key_is_worked_on_after_its_last_addition_and_never_twice_at_once(operations):
    async def scenario():
        queue, active, worked, added = WorkQueue(), set(), {}, {}

        async def work():
            while True:
                key = await queue.get()
                assert key not in active
                active.add(key)
                worked[key] = virtual_time.now()
                await asyncio.sleep(2)
                active.discard(key)
                queue.done(key)

        workers = [asyncio.create_task(work()) for _ in range(3)]
        for verb, key, seconds in operations:
            if verb == "add":
                queue.add(key)
            elif verb == "later":
                queue.add_after(key, seconds)
            elif verb == "fail":
                queue.failed(key)
            else:
                await asyncio.sleep(seconds)
                continue
            added[key] = virtual_time.now()
        await asyncio.sleep(200)
        for worker in workers:
            assert not worker.done(), worker
            worker.cancel()
        assert added.keys() == worked.keys()
        assert all(worked[key] >= added[key] for key in added)

    virtual_time.run(scenario())
