"""Is a name looked up once, for all who ask, and again when that helps?"""

import asyncio
import socket

import pytest
from scrapy.exceptions import CannotResolveHostError

from crawlfleet_worker.http.names import KEPT_SECONDS, Names

FOUND = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 80))]


class Lookups:
    """Stands in for the loop's getaddrinfo."""

    def __init__(self):
        self.asked, self.go_on = [], asyncio.Event()
        self.go_on.set()

    async def __call__(self, host, port, **_):
        self.asked.append(host)
        await self.go_on.wait()
        if host == "gone.example":
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return FOUND


@pytest.fixture
async def lookups(monkeypatch):
    stand_in = Lookups()
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", stand_in)
    return stand_in


async def test_all_who_ask_at_once_share_one_lookup_and_later_ones_its_answer(lookups):
    names = Names(10)
    lookups.go_on.clear()
    asking = [asyncio.create_task(names.addresses("a.example", 80)) for _ in range(5)]
    await asyncio.sleep(0)
    lookups.go_on.set()
    assert await asyncio.gather(*asking) == [FOUND] * 5
    assert await names.addresses("a.example", 80) == FOUND
    assert lookups.asked == ["a.example"]


async def test_who_stops_waiting_takes_nothing_from_the_others(lookups):
    names = Names(10)
    lookups.go_on.clear()
    first, second = (asyncio.create_task(names.addresses("a.example", 80)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    lookups.go_on.set()
    assert await second == FOUND
    assert lookups.asked == ["a.example"]


async def test_an_answer_runs_out(lookups, monkeypatch):
    names, loop = Names(10), asyncio.get_running_loop()
    await names.addresses("a.example", 80)
    later = loop.time() + KEPT_SECONDS
    monkeypatch.setattr(loop, "time", lambda: later)
    await names.addresses("a.example", 80)
    assert len(lookups.asked) == 2


async def test_a_name_that_did_not_help_is_looked_up_again(lookups):
    names = Names(10)
    await names.addresses("a.example", 80)
    names.forget("a.example", 80)
    await names.addresses("a.example", 80)
    assert len(lookups.asked) == 2


async def test_a_name_without_an_address_is_an_error_each_time(lookups):
    names = Names(10)
    for _ in range(2):
        with pytest.raises(CannotResolveHostError, match=r"gone\.example"):
            await names.addresses("gone.example", 80)
    assert len(lookups.asked) == 2


@pytest.mark.parametrize(("most", "asked"), [(0, 4), (1, 4), (2, 2)])
async def test_not_more_than_allowed_are_kept(lookups, most, asked):
    names = Names(most)
    for host in ("a.example", "b.example") * 2:
        await names.addresses(host, 80)
    assert len(lookups.asked) == asked


@pytest.mark.parametrize(("host", "family"), [("192.0.2.7", socket.AF_INET), ("2001:db8::7", socket.AF_INET6)])
async def test_an_address_is_not_looked_up(lookups, host, family):
    ((found, *_, where),) = await Names(10).addresses(host, 8080)
    assert (found, where[:2]) == (family, (host, 8080))
    assert lookups.asked == []


async def test_closing_ends_a_lookup(lookups):
    names = Names(10)
    lookups.go_on.clear()
    asking = asyncio.create_task(names.addresses("a.example", 80))
    await asyncio.sleep(0)
    names.close()
    with pytest.raises(asyncio.CancelledError):
        await asking
