"""TLS as Scrapy's settings have it, its failures as Scrapy's exceptions, and a session that is taken up again."""

import asyncio
import ssl

import pytest
from scrapy.exceptions import DownloadConnectionRefusedError

from cluster.certificates import Authority
from crawlfleet_worker.failures import kind_of
from tests.servers.scripted import BREATHE, CLOSE, HOLD, scripted
from tests.worker.http.behaviours import ALL, page
from tests.worker.http.fetching import ours, stock


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority.create(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def serving_tls(authority):
    """Return a function that makes a server's context, its certificate for the addresses of this machine."""
    certificate = authority.issue("server", "server", hosts=["127.0.0.1", "localhost"])

    def build(version=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.certificate, certificate.key)
        if version is not None:
            context.minimum_version = context.maximum_version = version
        return context

    return build


@pytest.mark.parametrize("path", ["/page", "/chunked", "/until-close", "/204", "/part-of-a-body", "/nothing", "/big"])
async def test_like_scrapys(path, serving_tls):
    async with scripted(ALL, tls=serving_tls()) as server, stock() as theirs, ours() as fetcher:
        assert await fetcher.outcome(server.url(path)) == await theirs.outcome(server.url(path))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_session_is_taken_up_again(version, serving_tls):
    script = {"/": (page(b"x", b"Connection: close"), CLOSE)}
    async with scripted(script, tls=serving_tls(version)) as server, ours() as fetcher:
        seen = [await fetcher.outcome(server.url()) for _ in range(3)]
        assert seen[0] == seen[1] == seen[2]
        assert seen[0][7] is not None, "no certificate"
        assert (server.connections, server.resumed) == (3, 2)


async def test_a_session_belongs_to_its_origin(serving_tls):
    script = {"/": (page(b"x", b"Connection: close"), CLOSE)}
    async with scripted(script, tls=serving_tls()) as one, scripted(script, tls=serving_tls()) as other:
        async with ours() as fetcher:
            await fetcher.fetch(one.url())
            await fetcher.fetch(other.url())
        assert (one.resumed, other.resumed) == (0, 0)


async def test_one_connection_carries_many_requests(serving_tls):
    async with scripted({"/": (page(),)}, tls=serving_tls()) as server, ours() as fetcher:
        for _ in range(5):
            assert (await fetcher.fetch(server.url())).status == 200
        assert server.connections == 1


REFUSED = [
    ({"DOWNLOAD_VERIFY_CERTIFICATES": True}, None),
    ({"DOWNLOAD_TLS_MIN_VERSION": "TLSv1.3"}, ssl.TLSVersion.TLSv1_2),
    ({"DOWNLOAD_TLS_MAX_VERSION": "TLSv1.2"}, ssl.TLSVersion.TLSv1_3),
]


@pytest.mark.parametrize(("settings", "version"), REFUSED, ids=str)
async def test_what_scrapys_settings_refuse(settings, version, serving_tls):
    async with (
        scripted({"/": (page(),)}, tls=serving_tls(version)) as server,
        stock(**settings) as theirs,
        ours(**settings) as fetcher,
    ):
        assert await theirs.outcome(server.url()) == ("DownloadConnectionRefusedError",)
        assert await fetcher.outcome(server.url()) == ("DownloadConnectionRefusedError",)
        assert server.heads == []


async def test_a_certificate_that_can_be_verified(authority, serving_tls, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.root.certificate))
    async with (
        scripted({"/page": (page(),)}, tls=serving_tls()) as server,
        ours(DOWNLOAD_VERIFY_CERTIFICATES=True) as fetcher,
    ):
        assert (await fetcher.fetch(server.url("/page"))).status == 200
        by_name = server.url("/page").replace("127.0.0.1", "localhost")
        assert (await fetcher.fetch(by_name)).status == 200
        elsewhere = server.url("/page").replace("127.0.0.1", "127.0.0.2")
        assert await fetcher.outcome(elsewhere) == ("DownloadConnectionRefusedError",)


async def test_tls_to_a_server_that_speaks_none():
    async def greet(reader, writer):
        writer.write(b"220 mail.example ESMTP\r\n")
        await reader.read()
        writer.close()

    mail = await asyncio.start_server(greet, "127.0.0.1", 0)
    url = f"https://127.0.0.1:{mail.sockets[0].getsockname()[1]}/"
    async with stock() as theirs, ours() as fetcher:
        assert await fetcher.outcome(url) == await theirs.outcome(url) == ("DownloadConnectionRefusedError",)
        with pytest.raises(DownloadConnectionRefusedError) as refused:
            await fetcher.fetch(url)
    assert kind_of(refused.value) == "tls"
    mail.close()


async def test_no_tls_to_a_server_that_speaks_it(serving_tls):
    async with scripted({"/": (page(),)}, tls=serving_tls()) as server, stock() as theirs, ours() as fetcher:
        url = server.url().replace("https:", "http:")
        assert await fetcher.outcome(url) == await theirs.outcome(url) == ("DownloadFailedError",)


@pytest.mark.parametrize("script", [(page(), BREATHE, CLOSE), (page(),), (HOLD,)], ids=str)
async def test_its_connections_end_with_the_handler(script, serving_tls):
    async with scripted({"/": script}, tls=serving_tls()) as server:
        async with ours() as fetcher:
            await fetcher.outcome(server.url(), meta={"download_timeout": 0.5})
        assert len(fetcher.handler.pool) == 0
        await asyncio.wait_for(server.until_open(0), 5)
