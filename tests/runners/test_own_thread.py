"""A server in a thread of its own: it says why it does not start, and nobody listens after its block."""

import socket
from contextlib import asynccontextmanager

import pytest

from tests.servers.own_thread import serving, stream_server, web_server


async def hang_up(_reader, writer):
    writer.close()


async def unasked(_request):
    raise AssertionError("nobody asks")


def listens(port, host="127.0.0.1"):
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


@asynccontextmanager
async def without_a_network():
    raise OSError("no network")
    yield 0


def test_what_keeps_a_server_from_starting_is_raised_where_it_is_wanted():
    with pytest.raises(OSError, match="no network"), serving(without_a_network()):
        raise AssertionError("it did start")


@pytest.mark.parametrize(("server", "asked"), [(web_server, unasked), (stream_server, hang_up)], ids=["web", "streams"])
def test_nobody_listens_after_the_block(server, asked):
    with serving(server(asked)) as port:
        assert listens(port)
    assert not listens(port)


def test_what_the_block_raises_ends_the_server_too():
    with pytest.raises(KeyError), serving(stream_server(hang_up)) as port:
        raise KeyError
    assert not listens(port)


def test_all_addresses_have_one_port():
    with serving(web_server(unasked, ["127.0.0.2", "127.0.0.3"])) as port:
        assert listens(port, "127.0.0.2")
        assert listens(port, "127.0.0.3")
        assert not listens(port, "127.0.0.4")
