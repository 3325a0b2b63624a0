"""Items leave a real Redis whole, in batches, and are gone from it only when they are in the file."""

import json
import subprocess

import pytest

from crawlfleet_frontier.store import StoreKeys
from demo import results
from demo.errors import DemoError
from tests.servers.redis import redis_server

UID = "6a2f"
KEY = StoreKeys(UID).items


@pytest.fixture(scope="module")
def server():
    with redis_server(password="se cr$t") as running:
        yield running


@pytest.fixture
def call(server):
    """What runs in the pod, run here: the same shell words, the password by stdin."""

    def run(*command: str) -> str:
        words = ["sh", "-c", results.SHELL, "redis-cli", "--raw", "-p", str(server.port), *command]
        done = subprocess.run(
            words, input=f"{server.password}\n", capture_output=True, text=True, check=True, timeout=20
        )
        return done.stdout.removesuffix("\n")

    server.client().delete(KEY)
    return run


def lines(file) -> list[str]:
    with file.open(encoding="utf-8", newline="\n") as opened:
        return [line.rstrip("\n") for line in opened]


@pytest.mark.parametrize("count", [0, 1, results.BATCH, results.BATCH + 1, 2 * results.BATCH + 7])
def test_every_item_is_written_once_in_order(server, call, tmp_path, count):
    items = [json.dumps({"n": n, "text": "Ünï\u2028\n\r\"'"}, ensure_ascii=False) for n in range(count)]
    if items:
        server.client().rpush(KEY, *items)
    assert results.drain(call, UID, tmp_path / "out" / "items.jsonl") == count
    assert lines(tmp_path / "out" / "items.jsonl") == items
    assert server.client().exists(KEY) == 0


def test_what_was_not_written_stays_in_redis(server, call, tmp_path):
    server.client().rpush(KEY, *range(10))

    def broken(*command: str) -> str:
        if command[0] == "LTRIM":
            raise DemoError("the connection went away")
        return call(*command)

    with pytest.raises(DemoError, match="went away"):
        results.drain(broken, UID, tmp_path / "items.jsonl")
    assert server.client().llen(KEY) == 10


@pytest.mark.parametrize("answer", ["NOAUTH Authentication required.", "", "WRONGTYPE"])
def test_an_answer_that_is_no_number_is_no_zero(tmp_path, answer):
    with pytest.raises(DemoError, match="does not tell"):
        results.drain(lambda *_: answer, UID, tmp_path / "items.jsonl")


def test_a_batch_that_came_torn_is_refused(tmp_path):
    answers = {"LLEN": "3", "LRANGE": '{"a": 1}\n{"b": 2}'}
    with pytest.raises(DemoError, match="2 items, not 3"):
        results.drain(lambda *command: answers[command[0]], UID, tmp_path / "items.jsonl")


def test_the_password_stands_in_no_argument():
    calls = []

    class Kube:
        def json(self, *_):
            return {"data": {"password": "czNjcmV0"}}

        def run(self, *arguments, stdin, seconds):
            calls.append((arguments, stdin))
            return "0\n"

    assert results.redis_of(Kube(), "docs")("LLEN", KEY) == "0"
    ((arguments, stdin),) = calls
    assert stdin == "s3cret\n"
    assert not any("s3cret" in argument for argument in arguments)
    assert "docs-redis-0" in arguments
