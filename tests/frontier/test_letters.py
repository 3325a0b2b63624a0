"""Can dead letters be found by reason and host, page by page, and be queued again?"""

import pytest
from redis import Redis

from crawlfleet_frontier import envelope
from crawlfleet_frontier.client import letters
from crawlfleet_frontier.client.blocking import run
from crawlfleet_frontier.client.letters import Filter
from crawlfleet_frontier.envelope import FrontierRequest
from crawlfleet_frontier.store import calls, replies
from crawlfleet_frontier.store.calls import PushRequest, Settlement
from crawlfleet_frontier.store.keys import StoreKeys
from tests.servers.redis import RedisServer, redis_server

KEYS = StoreKeys("0f4c-test")


@pytest.fixture(scope="module")
def server():
    with redis_server() as running:
        yield running


def die(client: Redis, number: int, host: str, reason: str, payload: bytes, error: str = "") -> None:
    """Push, lease and bury one request."""
    run(client, calls.push(KEYS, [PushRequest(str(number), host, 3, payload)]))
    epoch = f"pod:{number}"
    run(client, calls.join(KEYS, epoch))
    leased = replies.read_lease(run(client, calls.lease(KEYS, [(host, 1)]).numbered(epoch, 1)))
    settlement = Settlement(dead=[(leased.grants[0].token, reason, error)])
    run(client, calls.settle(KEYS, settlement).numbered(epoch, 2))


@pytest.fixture
def client(server: RedisServer):
    with server.client(decode_responses=False) as connected:
        connected.flushall()
        run(connected, calls.create(KEYS))
        die(connected, 1, "a.example", "Timeout", b"http://a.example/1", "no answer\nin 20 s")
        die(connected, 2, "www.b.example", "Timeout", b"http://www.b.example/2")
        post = envelope.encode(FrontierRequest("http://b.example/3", method="POST"))
        die(connected, 3, "b.example", "SpiderError", post, "KeyError: 'x'")
        yield connected


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Filter(), ["http://a.example/1", "http://www.b.example/2", "POST http://b.example/3"]),
        (Filter(reasons=frozenset({"Timeout"})), ["http://a.example/1", "http://www.b.example/2"]),
        (Filter(hosts=frozenset({"*.b.example"})), ["http://www.b.example/2"]),
        (Filter(hosts=frozenset({"b.example", "a.example"})), ["http://a.example/1", "POST http://b.example/3"]),
        (Filter(frozenset({"Timeout"}), frozenset({"b.example"})), []),
    ],
)
def test_filters(client, wanted, found):
    assert [letter.request for letter in letters.letters(client, KEYS, wanted)] == found


def test_reading_goes_page_by_page(client, monkeypatch):
    monkeypatch.setattr(letters, "PAGE", 1)
    everything = list(letters.letters(client, KEYS))
    assert len(everything) == 3
    assert [letter.id for letter in letters.letters(client, KEYS, after=everything[0].id)] == [
        letter.id for letter in everything[1:]
    ]


def test_replay_queues_what_fits_and_forgets_it(client):
    assert letters.replay(client, KEYS, Filter(reasons=frozenset({"Timeout"}))) == 2
    assert [letter.reason for letter in letters.letters(client, KEYS)] == ["SpiderError"]
    snapshot = replies.read_snapshot(run(client, calls.snapshot(KEYS)))
    assert (snapshot.number("queued"), snapshot.number("dead"), snapshot.number("admitted")) == (2, 1, 3)


def test_the_command_lists_a_table(client, server, capsys):
    options = ["--redis-url", server.url, "--job-uid", KEYS.uid]
    assert letters.main(["list", *options]) == 0
    head, first, *_ = capsys.readouterr().out.splitlines()
    assert head.split() == ["TIME", "REASON", "LOSSES", "REQUEST", "ERROR"]
    assert first.split()[1:] == ["Timeout", "0", "http://a.example/1", "no", "answer", "in", "20", "s"]
    assert letters.main(["list", "--limit", "1", *options]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("More: --after ")
    assert letters.main(["list", "--after", last.split()[-1], *options]) == 0
    assert "http://a.example/1" not in capsys.readouterr().out


def test_the_command_replays(client, server, capsys):
    options = ["--redis-url", server.url, "--job-uid", KEYS.uid]
    assert letters.main(["replay", "--host", "*.b.example", *options]) == 0
    assert capsys.readouterr().out == "1 requests are queued again.\n"
    assert letters.main(["list", "--reason", "None", *options]) == 0
    assert capsys.readouterr().out == "No dead letters that fit.\n"


def test_the_command_names_what_is_missing(monkeypatch, capsys):
    monkeypatch.delenv("CRAWLFLEET_REDIS_URL", raising=False)
    with pytest.raises(SystemExit):
        letters.main(["list", "--job-uid", "u"])
    assert "CRAWLFLEET_REDIS_URL" in capsys.readouterr().err


def test_the_command_says_why_it_failed(client, server, capsys):
    with server.client() as connected:
        connected.delete(KEYS.meta)
    assert letters.main(["replay", "--redis-url", server.url, "--job-uid", KEYS.uid]) == 1
    assert "NoSentinel" in capsys.readouterr().err
