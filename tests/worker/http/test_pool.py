"""Which connection carries the next request, which ones are kept, and for how long? On real sockets."""

import asyncio
import socket

from crawlfleet_worker.http.connection import Connection
from crawlfleet_worker.http.outgoing import Origin
from crawlfleet_worker.http.pool import Pool

ONE, OTHER = Origin("http", "one.example", 80), Origin("http", "other.example", 80)
BUFFER = memoryview(bytearray(1024))


async def connected(pool, origin=ONE):
    """Return a connection in use, and the server's end of it."""
    ours, theirs = socket.socketpair()
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(lambda: Connection(origin, BUFFER, pool.lost), sock=ours)
    pool.add(connection)
    return connection, theirs


async def test_the_latest_one_of_the_origin_is_taken_again():
    pool = Pool(10)
    pairs = [await connected(pool) for _ in range(2)] + [await connected(pool, OTHER)]
    for connection, _ in pairs:
        pool.give_back(connection)
    assert [pool.take(ONE), pool.take(ONE), pool.take(ONE)] == [pairs[1][0], pairs[0][0], None]
    await pool.close()


async def test_one_that_the_server_has_just_closed_is_passed_over():
    """The loop has had no turn to see it."""
    pool = Pool(10)
    (older, _other), (latest, server) = await connected(pool), await connected(pool)
    pool.give_back(older)
    pool.give_back(latest)
    server.close()
    assert pool.take(ONE) is older
    await pool.close()


async def test_one_on_which_something_waits_to_be_read_is_passed_over():
    pool = Pool(10)
    connection, server = await connected(pool)
    pool.give_back(connection)
    server.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
    assert pool.take(ONE) is None
    await pool.close()


async def test_idle_ones_expire():
    pool = Pool(10, idle_seconds=0.05)
    pairs = [await connected(pool) for _ in range(2)]
    for connection, _ in pairs:
        pool.give_back(connection)
    assert pool.take(ONE) is pairs[1][0]
    async with asyncio.timeout(5):
        assert await asyncio.get_running_loop().sock_recv(nonblocking(pairs[0][1]), 1) == b""
    assert len(pool) == 1
    await pool.close()


async def test_the_one_unused_for_longest_makes_room():
    pool = Pool(10, most=2)
    (first, server), (second, _other), (third, _another) = [
        await connected(pool, origin) for origin in (ONE, OTHER, ONE)
    ]
    for connection in (first, second, third):
        pool.give_back(connection)
    async with asyncio.timeout(5):
        assert await asyncio.get_running_loop().sock_recv(nonblocking(server), 1) == b""
    assert [pool.take(ONE), pool.take(ONE), pool.take(OTHER)] == [third, None, second]
    await pool.close()


async def test_not_more_than_allowed_are_kept_for_one_origin():
    pool = Pool(1)
    (first, _), (second, _other) = await connected(pool), await connected(pool)
    pool.give_back(first)
    pool.give_back(second)
    assert (pool.take(ONE), pool.take(ONE)) == (first, None)
    await pool.close()


async def test_closing_closes_what_is_in_use_too_and_what_comes_late():
    pool = Pool(10)
    _, server = await connected(pool)
    await pool.close()
    assert len(pool) == 0
    late, late_server = await connected(pool)
    async with asyncio.timeout(5):
        for end in (server, late_server):
            assert await asyncio.get_running_loop().sock_recv(nonblocking(end), 1) == b""
    assert not late.open


def nonblocking(end):
    end.setblocking(False)
    return end
