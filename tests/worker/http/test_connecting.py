"""Does a failure to connect, of whatever kind, let the name be looked up again?"""

import asyncio

import pytest
from scrapy.exceptions import DownloadConnectionRefusedError
from scrapy.settings import Settings

from crawlfleet_worker.http.connecting import Connector
from crawlfleet_worker.http.connection import Connection
from crawlfleet_worker.http.names import Names
from crawlfleet_worker.http.outgoing import Origin
from crawlfleet_worker.http.tls import Sessions


class Noting(Names):
    """Notes what it is to forget."""

    def __init__(self):
        super().__init__(10)
        self.forgotten = []

    def forget(self, host, port):
        self.forgotten.append(host)


@pytest.fixture
def names():
    return Noting()


async def connect(names, origin):
    def make():
        return Connection(origin, memoryview(bytearray(10)), lambda _: None)

    return await Connector(names, Sessions(Settings()), None).connect(origin, make)


async def test_refused(names):
    with pytest.raises(DownloadConnectionRefusedError, match=r"127\.0\.0\.1:1\b") as refused:
        await connect(names, Origin("http", "127.0.0.1", 1))
    assert isinstance(refused.value.__cause__, ConnectionRefusedError)
    assert names.forgotten == ["127.0.0.1"]


async def test_given_up_while_the_server_says_nothing(names):
    silent = await asyncio.start_server(lambda reader, writer: reader.read(), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await connect(names, Origin("https", "127.0.0.1", port))
    assert names.forgotten == ["127.0.0.1"]
    silent.close()


async def test_a_connection_that_stands(names):
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    connection = await connect(names, Origin("http", "127.0.0.1", server.sockets[0].getsockname()[1]))
    assert connection.open
    assert str(connection.address) == "127.0.0.1"
    assert names.forgotten == []
    connection.abort()
    server.close()
