"""Is each told when its time is over, and nobody else?"""

import asyncio
from time import monotonic

import pytest

from crawlfleet_worker.http.deadlines import Deadlines


class Late:
    """Something that knows whether it was told."""

    def __init__(self):
        self.told = asyncio.Event()

    def out_of_time(self):
        self.told.set()


async def told(one):
    async with asyncio.timeout(5):
        await one.told.wait()


async def test_each_is_told_at_its_own_moment():
    deadlines, begun = Deadlines(), monotonic()
    long, short, ended = Late(), Late(), Late()
    deadlines.add(long, begun + 0.2)
    deadlines.add(ended, begun + 0.01)
    deadlines.add(short, begun + 0.05)
    deadlines.ended(ended)
    await told(short)
    assert monotonic() >= begun + 0.05
    assert not long.told.is_set()
    await told(long)
    assert monotonic() >= begun + 0.2
    assert not ended.told.is_set()


async def test_one_that_comes_after_all_have_ended_is_told():
    deadlines = Deadlines()
    first, second = Late(), Late()
    deadlines.add(first, monotonic())
    await told(first)
    deadlines.add(second, monotonic() - 1)
    await told(second)


async def test_one_timer_is_enough(monkeypatch):
    loop = asyncio.get_running_loop()
    timers = []
    later = loop.call_later
    monkeypatch.setattr(loop, "call_later", lambda *given: timers.append(given) or later(*given))
    deadlines = Deadlines()
    for number in range(100):
        one = Late()
        deadlines.add(one, monotonic() + 60 + number)
        deadlines.ended(one)
    assert len(timers) == 1
    deadlines.close()


@pytest.mark.parametrize("again", [False, True])
async def test_nobody_is_told_after_the_end(again):
    deadlines = Deadlines()
    one, other = Late(), Late()
    deadlines.add(one, monotonic() + 0.02)
    deadlines.close()
    if again:
        deadlines.add(other, monotonic() + 0.04)
        await told(other)
    assert not one.told.is_set()
