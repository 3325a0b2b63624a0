"""Does who asks for a request, rather than wait for one, hear when it is time to ask again?"""

import asyncio
from types import SimpleNamespace

from crawlfleet_frontier.client import clock
from crawlfleet_frontier.client.books import Books
from crawlfleet_frontier.client.handing import Handing
from crawlfleet_frontier.client.leases import GRANT_SECONDS, Grant, Lease
from crawlfleet_frontier.client.settings import Settings
from crawlfleet_frontier.envelope import FrontierRequest

APART_SECONDS = 0.1


def session_with_a_request_of_each(moments):
    books = Books(Settings())
    for number, moment in enumerate(moments):
        host = f"{number}.example"
        books.grants.add(Grant(f"t{number}", host, 1, 1.0, not_before=moment, send_by=moment + GRANT_SECONDS), moment)
        books.stock.add(Lease(f"1.{number}", host, 3, 0, FrontierRequest(f"http://{host}/"), str(number)), moment)
        books.stock.pair(host, moment)
    return SimpleNamespace(over=False, settings=books.settings, books=books)


async def test_who_took_all_that_was_ready_is_told_of_the_next_in_its_moment():
    told, now = asyncio.Event(), clock.now()
    session = session_with_a_request_of_each([now, now + APART_SECONDS])
    handing = Handing(lambda: session, told.set)
    handing.offer()
    assert told.is_set()
    told.clear()
    assert handing.take().host == "0.example"
    assert handing.take() is None
    async with asyncio.timeout(10):
        await told.wait()
    assert clock.now() >= now + APART_SECONDS
    assert handing.take().host == "1.example"


async def test_what_a_cancelled_consumer_was_given_lies_ready_for_the_next():
    session, now = session_with_a_request_of_each([]), clock.now()
    session.nudge = lambda: None
    handing = Handing(lambda: session)
    consumer = asyncio.create_task(handing.next())
    await asyncio.sleep(0)
    session.books.grants.add(Grant("t", "a.example", 1, 0.0, not_before=now, send_by=now + GRANT_SECONDS), now)
    session.books.stock.add(Lease("1.1", "a.example", 3, 0, FrontierRequest("http://a.example/"), "1"), now)
    session.books.stock.pair("a.example", now)
    handing.offer()
    consumer.cancel()
    await asyncio.gather(consumer, return_exceptions=True)
    assert consumer.cancelled()
    assert (session.books.stock.pairs(), session.books.stock.waiting("a.example")) == (1, 0)
