"""Is a request written as Scrapy's handler writes it, and which ones are left to that?"""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scrapy import Request
from yarl import URL

from crawlfleet_worker.http.outgoing import NotOurs, Origin, _plain_target, outgoing
from tests.servers.scripted import scripted
from tests.worker.http.behaviours import page
from tests.worker.http.fetching import ours, stock

ANY = "http://127.0.0.1:9"

OURS = [
    {"url": "/"},
    {"url": "?a=b"},
    {"url": ""},
    {"url": "/a/../b/./c"},
    {"url": "/a%20b/%7Ec/%2f%2F/ü"},
    {"url": "/a+b?c+d=e%20f&g=h%2Bi&j=%C3%BC#part"},
    {"url": "/p;v=1,2/$&'()*!@:x"},
    {"url": "/x?y=/z?:@!$'()*,;"},
    {"url": "/x?a[]=1&b={}|^`\\"},
    {"url": "/%zz%"},
    {"url": "/x", "headers": {"user-agent": "me", "ACCEPT": "*/*", "X-Two": ["b", "a"], "x-three": "c"}},
    {"url": "/x", "headers": {"Accept-Encoding": "gzip, br", "Accept-Language": "en", "Cookie": "a=b; c=d"}},
    {"url": "/x", "headers": {"Host": "elsewhere.example"}},
    {"url": "/x", "headers": {"Authorization": "Basic YTpi", "X-Empty": "", "X-None": None}},
    {"url": "/x", "headers": {"Proxy-Authorization": "Basic YTpi"}},
    {"url": "/x", "headers": {"Content-Encoding": "gzip"}, "method": "POST", "body": b"\x1f\x8b"},
    {"url": "/x", "method": "POST", "body": "é".encode(), "headers": {"Content-Type": "text/plain"}},
    {"url": "/x", "method": "get"},
    {"url": "/x", "method": "PROPFIND", "body": b"<a/>"},
    {"url": "/x", "body": b"with a get"},
    {"url": "/x", "method": "HEAD"},
]


class Everywhere(dict):
    """The same script for every path."""

    def __missing__(self, path):
        return (page(b""),)


@pytest.mark.parametrize("fields", OURS, ids=str)
async def test_byte_for_byte(fields):
    async with scripted(Everywhere()) as server:
        fields = {**fields, "url": server.url(fields["url"])}
        for make in (stock, ours):
            async with make() as fetcher:
                await fetcher.fetch(**fields)
        one, other = zip(server.heads, server.bodies, strict=True)
        assert one == other
        assert outgoing(Request(**fields)).data == one[0] + one[1]


LEFT = [
    {"meta": {"proxy": "http://127.0.0.1:1"}},
    {"meta": {"bindaddress": "127.0.0.2"}},
    {"meta": {"verbatim_url": True}},
    {"method": "CONNECT"},
    {"method": "SAY HELLO"},
    {"url": "http://user:word@127.0.0.1/"},
    {"url": "http://user@127.0.0.1/"},
    {"headers": {"Transfer-Encoding": "chunked"}},
    {"headers": {"content-length": "3"}},
    {"headers": {"Expect": "100-continue"}},
    {"headers": {"Connection": "close"}},
    {"headers": {"Upgrade": "websocket"}},
    {"headers": {"X-Split": "a\r\nX-More: b"}},
    {"headers": {"X-Split": "a\nX-More: b"}},
    {"headers": {"X-Nul": "a\0b"}},
    {"headers": {"X-Name": "ü"}},
    {"headers": {"X Name:": "a\rb"}},
]


@pytest.mark.parametrize("fields", LEFT, ids=str)
def test_what_is_left_to_scrapys_handler(fields):
    with pytest.raises(NotOurs):
        outgoing(Request(**{"url": "http://127.0.0.1/", **fields}))


@pytest.mark.parametrize("fields", [{"headers": {"Connection": "close"}}, {"meta": {"verbatim_url": True}}], ids=str)
async def test_what_is_left_comes_to_the_same(fields):
    async with scripted({"/": (page(),)}) as server, stock() as theirs, ours() as fetcher:
        assert await fetcher.outcome(server.url(), **fields) == await theirs.outcome(server.url(), **fields)
        assert len(fetcher.handler.pool) == 0
    assert server.heads[0] == server.heads[1]


async def test_a_proxy_is_gone_through():
    """Scrapy's handler does that: the request line has the whole URL."""
    async with scripted({"http://shop.example/": (page(b"by proxy"),)}) as proxy, ours() as fetcher:
        response = await fetcher.fetch("http://shop.example/", meta={"proxy": proxy.url("")})
    assert response.body == b"by proxy"


SEGMENTS = st.text("abz09-._~%/é +", max_size=12)
HOSTS = st.sampled_from(
    ["example.org", "a-b.example", "127.0.0.1", "127.1", "1.2.3", "010.0.0.1", "EXAMPLE.org", "x.", "0x7f"]
)


@given(
    st.sampled_from(["http", "https"]),
    HOSTS,
    st.sampled_from(["", ":80", ":443", ":8080", ":08080", ":0"]),
    SEGMENTS,
    st.none() | st.text("ab=&+%.~/?é ", max_size=12),
)
@example("http", "example.org", "", "a/..", None)
@example("http", "example.org", "", "~a/.b", "a=b&c")
def test_a_plain_target_is_the_quoted_one(scheme, host, port, path, query):
    url = Request(f"{scheme}://{host}{port}/{path}{'' if query is None else '?' + query}").url
    plain = _plain_target(url)
    if plain is not None:
        quoted = URL(url)
        origin = Origin(quoted.scheme, quoted.raw_host, quoted.port)
        assert plain == (origin, quoted.host_port_subcomponent, quoted.raw_path_qs)


@pytest.mark.parametrize(
    "url", ["http://example.org/a/b.html", "https://127.0.0.1:8443/x?page=2&q=a-b", "http://a.b/#c"]
)
def test_ordinary_urls_are_plain(url):
    assert _plain_target(url) is not None
