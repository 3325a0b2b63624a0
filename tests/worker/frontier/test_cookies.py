"""A login on one worker holds on every worker: the server sees the cookies that one Scrapy alone would send."""

import asyncio
from contextlib import AsyncExitStack
from http.cookiejar import Cookie

import pytest
import redis.asyncio
from hypothesis import given, settings
from hypothesis import strategies as st
from scrapy import FormRequest, Request

from crawlfleet_worker.frontier.carrying import carry, restore
from crawlfleet_worker.frontier.jar_versions import jar_of
from crawlfleet_worker.frontier.jars import RedisJars, from_json, to_json
from crawlfleet_worker.frontier.ports import wiring_of
from tests.servers.redis import redis_server
from tests.worker.frontier.crawls import OneByOne, ours, run, stock
from tests.worker.frontier.fakes import MemoryJars
from tests.worker.frontier.server import Answer, serving


class Parked(OneByOne):
    """A spider that stays open and fetches what the test hands it, as requests leased from the frontier."""

    async def start(self):
        self.opened.set()
        await self.done.wait()
        return
        yield


class Worker:
    """One running crawler. `fetch` does what the scheduler does: restore, note the jar's version, download."""

    def __init__(self, jars, **options):
        self.crawler = ours(Parked, jars=jars, **options)
        self.versions = wiring_of(self.crawler).jar_versions

    async def __aenter__(self):
        self.opened, self.done = asyncio.Event(), asyncio.Event()
        Parked.opened, Parked.done = self.opened, self.done
        self._crawl = asyncio.create_task(run(self.crawler))
        await self.opened.wait()
        return self

    async def __aexit__(self, *_):
        self.done.set()
        await self._crawl

    async def fetch(self, payload):
        carried = restore(payload, self.crawler.spider)
        self.versions.arrived(carried.request, carried.jar_version)
        return await self.crawler.engine.download_async(carried.request)

    def push(self, request):
        return carry(request, self.crawler.spider, jar_version=self.versions.of_child(request))


def login_site(arrival):
    """Sets a session at /login, renews it at /renew, ends it at /logout, and shows in /ask what it was sent."""
    cookies = {
        "/login": (("Set-Cookie", "session=one; Path=/; HttpOnly"), ("Set-Cookie", "lang=de; Max-Age=3600")),
        "/renew": (("Set-Cookie", "session=two; Path=/"),),
        "/logout": (("Set-Cookie", "session=; Path=/; Max-Age=0"),),
        "/deep/here": (("Set-Cookie", "deep=1"),),
        "/foreign": (("Set-Cookie", "evil=1; Domain=other.example"),),
    }
    return Answer(headers=cookies.get(arrival.path.partition("?")[0], ()))


PATHS = ["/ask", "/login", "/ask", "/deep/here", "/deep/ask", "/renew", "/ask", "/foreign", "/logout", "/ask"]


def requests(server):
    return [
        FormRequest(server.url(f"{path}?{n}"), formdata={"user": "me"})
        if path == "/login"
        else Request(server.url(f"{path}?{n}"), cookies={"mine": "yes"} if n == 2 else None)
        for n, path in enumerate(PATHS)
    ]


async def chain_on(server, workers):
    """Each request is the child of the one before it, and the next worker's."""
    for n, request in enumerate(requests(server)):
        pusher, sender = workers[(n - 1) % len(workers)], workers[n % len(workers)]
        await sender.fetch(pusher.push(request))
    return sent(server)


def sent(server):
    return [(hit.path, sorted(hit.headers.get("cookie", "").split("; "))) for hit in server.arrivals]


class Chain(OneByOne):
    """The same chain in one stock Scrapy: each request waits for the answer before it."""

    async def start(self):
        for request in self.requests:
            await self.crawler.engine.download_async(request)
        return
        yield


async def stock_chain():
    async with serving(login_site) as server:
        await run(stock(Chain), *requests(server))
    return sent(server)


@pytest.mark.parametrize("count", [1, 2, 3])
async def test_a_login_holds_on_every_worker_as_in_one_scrapy(count):
    jars = MemoryJars()
    async with serving(login_site) as server, AsyncExitStack() as running:
        workers = [await running.enter_async_context(Worker(jars)) for _ in range(count)]
        seen = await chain_on(server, workers)
    assert seen == await stock_chain()
    assert any("session=one" in cookies for _, cookies in seen)


async def test_a_worker_loads_a_jar_only_where_its_own_is_older():
    jars = MemoryJars()
    async with serving(login_site) as server, Worker(jars) as one, Worker(jars) as other:
        await one.fetch(one.push(Request(server.url("/login"))))
        for _ in range(3):
            await one.fetch(one.push(Request(server.url("/ask"))))
        assert jars.loads == []
        for _ in range(3):
            await other.fetch(one.push(Request(server.url("/ask"))))
        assert len(jars.loads) == 1
        assert len(jars.saves) == 1


async def test_the_cookie_is_in_the_store_before_the_answer_is_seen():
    """So the page is settled, and its children pushed, after the write: a death before it fetches the page again."""
    jars, asked = MemoryJars(), asyncio.Event()
    let = asyncio.Event()
    save = jars.save

    async def slow_save(name, changed, removed):
        asked.set()
        await let.wait()
        return await save(name, changed, removed)

    jars.save = slow_save
    async with serving(login_site) as server, Worker(jars) as worker:
        page = asyncio.create_task(worker.fetch(worker.push(Request(server.url("/login")))))
        await asked.wait()
        await worker.fetch(worker.push(Request(server.url("/ask", "127.0.0.2"))))
        assert not page.done()
        let.set()
        assert (await page).status == 200


async def test_what_is_on_its_way_to_the_store_survives_a_load():
    jars, asked, let = MemoryJars(), asyncio.Event(), asyncio.Event()
    async with serving(login_site) as server, Worker(jars) as one, Worker(jars) as other:
        await other.fetch(other.push(Request(server.url("/deep/here"))))
        needs_deep = other.push(Request(server.url("/deep/ask")))
        save = jars.save

        async def slow_save(name, changed, removed):
            asked.set()
            await let.wait()
            return await save(name, changed, removed)

        jars.save = slow_save
        page = asyncio.create_task(one.fetch(one.push(Request(server.url("/login")))))
        await asked.wait()
        await one.fetch(needs_deep)
        let.set()
        await page
    assert sent(server)[-1][1] == ["deep=1", "lang=de", "session=one"]


async def test_the_last_write_of_a_cookie_wins_and_the_others_stay():
    jars = MemoryJars()
    async with serving(login_site) as server, Worker(jars) as one, Worker(jars) as other, Worker(jars) as third:
        await one.fetch(one.push(Request(server.url("/login"))))
        await other.fetch(other.push(Request(server.url("/renew"))))
        for worker in (third, other):  # the other one wrote without having seen what was there
            await worker.fetch(other.push(Request(server.url("/ask"))))
    assert [cookies for _, cookies in sent(server)[-2:]] == [["lang=de", "session=two"]] * 2


async def test_jars_by_name_are_apart():
    jars = MemoryJars()
    async with serving(login_site) as server, Worker(jars) as one, Worker(jars) as other:
        await one.fetch(one.push(Request(server.url("/login"), meta={"cookiejar": 1})))
        for key in (1, "1", None):
            await other.fetch(one.push(Request(server.url("/ask"), meta={"cookiejar": key})))
    assert [cookies for _, cookies in sent(server)[1:]] == [["lang=de", "session=one"], [""], [""]]


async def test_dont_merge_cookies_touches_no_jar():
    jars = MemoryJars()
    async with serving(login_site) as server, Worker(jars) as one:
        await one.fetch(one.push(Request(server.url("/login"), meta={"dont_merge_cookies": True})))
    assert jars.saves == jars.loads == []


async def test_without_cookies_the_middleware_is_off_as_in_scrapy():
    async with serving(login_site) as server:
        spider = await run(ours(COOKIES_ENABLED=False), *(Request(server.url(path)) for path in ("/login", "/ask")))
    assert len(spider.got) == 2
    assert all("cookie" not in hit.headers for hit in server.arrivals)


@pytest.mark.parametrize(
    ("url", "meta", "name"),
    [
        ("http://www.shop.example.co.uk/", {}, ":example.co.uk"),
        ("http://a.github.io/", {"cookiejar": "u/1"}, "s-u%2F1:a.github.io"),
        ("http://127.0.0.1:80/", {"cookiejar": 7}, "i-7:127.0.0.1"),
        ("http://localhost/", {"cookiejar": object()}, None),
    ],
)
def test_names_of_jars(url, meta, name):
    assert jar_of(Request(url, meta=meta)) == name


def test_a_jar_with_any_carried_key_has_one_name():
    keys = [("user", 1), ("user", 1), ["user", 1], ("user", 2)]
    names = [jar_of(Request("http://a.example/", meta={"cookiejar": key})) for key in keys]
    assert len(set(names)) == 3
    assert names[0] == names[1]


cookies = st.builds(
    Cookie,
    version=st.sampled_from([0, 1]),
    name=st.text(max_size=5),
    value=st.one_of(st.none(), st.text(max_size=5)),
    port=st.just("80"),
    port_specified=st.booleans(),
    domain=st.sampled_from(["a.example", ".a.example"]),
    domain_specified=st.booleans(),
    domain_initial_dot=st.booleans(),
    path=st.sampled_from(["/", "/a/b"]),
    path_specified=st.booleans(),
    secure=st.booleans(),
    expires=st.one_of(st.none(), st.integers(0, 2**40)),
    discard=st.booleans(),
    comment=st.none(),
    comment_url=st.none(),
    rest=st.dictionaries(st.sampled_from(["HttpOnly", "SameSite"]), st.one_of(st.none(), st.text(max_size=4))),
    rfc2109=st.booleans(),
)


@given(cookies)
@settings(deadline=None)
def test_a_cookie_is_the_same_after_redis(cookie):
    assert vars(from_json(to_json(cookie))) == vars(cookie)


async def test_an_expired_cookie_of_the_store_is_not_sent():
    jars = MemoryJars()
    async with serving(login_site) as server, Worker(jars) as one, Worker(jars) as other:
        await one.fetch(one.push(Request(server.url("/login"))))
        (name,) = jars.jars
        jar = jars.jars[name]
        late = {one_: text.replace('"expires":', '"expires":1,"was":') for one_, text in jar.cookies.items()}
        jars.jars[name] = type(jar)(jar.version, late)
        await other.fetch(one.push(Request(server.url("/ask"))))
    assert sent(server)[-1][1] == ["session=one"]


@pytest.fixture(scope="module")
def server_of_redis():
    with redis_server(appendonly=True) as server:
        yield server


async def test_jars_in_redis(server_of_redis):
    client = redis.asyncio.Redis.from_url(server_of_redis.url)
    jars = RedisJars(client, "uid-1")
    versions = await asyncio.gather(
        *(jars.save("j:a", {"d\t/\tn": f"{n}"}, []) for n in range(5)), jars.save("k", {}, ["x"])
    )
    assert versions == [1, 2, 3, 4, 5, 1]
    assert await jars.save("j:a", {"d\t/\tm": "ü"}, ["d\t/\tn"]) == 6
    found = await jars.load("j:a")
    assert (found.version, found.cookies) == (6, {"d\t/\tm": "ü"})
    assert (await jars.load("none")).version == 0
    assert await client.smembers("crawlfleet:{uid-1:0}:jars") == {b"j:a", b"k"}
    assert await client.type("crawlfleet:{uid-1:0}:jar:j:a") == b"hash"
    await client.aclose()


async def test_saves_that_come_together_are_one_round_trip(server_of_redis):
    client = redis.asyncio.Redis.from_url(server_of_redis.url)
    jars = RedisJars(client, "uid-2")
    await jars.load("warm")
    before = (await client.info("commandstats"))["cmdstat_exec"]["calls"]
    await asyncio.gather(*(jars.save(f"jar-{n}", {"f\t/\tn": "1"}, []) for n in range(50)))
    assert (await client.info("commandstats"))["cmdstat_exec"]["calls"] == before + 1
    await client.aclose()


async def test_a_save_waits_for_redis_to_come_back():
    with redis_server(appendonly=True) as server:
        client = redis.asyncio.Redis.from_url(server.url)
        jars = RedisJars(client, "uid-3")
        await jars.save("j", {"f\t/\tn": "1"}, [])
        server.stop()
        save = asyncio.create_task(jars.save("j", {"f\t/\tn": "2"}, []))
        load = asyncio.create_task(jars.load("j"))
        await asyncio.wait([save, load], timeout=0.3)
        assert not save.done()
        server.start()
        assert await save == 2
        assert (await load).version in (1, 2)
        await client.aclose()


async def test_a_login_on_workers_that_share_a_real_redis(server_of_redis):
    clients = [redis.asyncio.Redis.from_url(server_of_redis.url) for _ in range(2)]
    first, second = (RedisJars(client, "uid-4") for client in clients)
    async with serving(login_site) as server, Worker(first) as one, Worker(second) as other:
        await one.fetch(one.push(Request(server.url("/login"))))
        await other.fetch(one.push(Request(server.url("/ask"))))
        await other.fetch(one.push(Request(server.url("/logout"))))
        await one.fetch(other.push(Request(server.url("/ask"))))
    assert [cookies for _, cookies in sent(server)] == [
        [""],
        ["lang=de", "session=one"],
        ["lang=de", "session=one"],
        ["lang=de"],
    ]
    for client in clients:
        await client.aclose()
