"""Do spiders give the same items with and without us?"""

import json
import subprocess
import sys
from collections import Counter

import pytest

from tests.servers.site import page_path
from tests.worker.fleet import PROJECT, wait_until
from tests.worker.frontier.shop import running_shop


def multiset(items):
    return Counter(json.dumps(item, sort_keys=True) for item in items)


def stock_items(tmp_path, spider, arguments):
    """What Scrapy alone gives."""
    output = tmp_path / "stock.json"
    options = [part for name, value in arguments.items() for part in ("-a", f"{name}={value}")]
    settings = ["-s", "RETRY_TIMES=2", "-s", "LOG_LEVEL=ERROR", "-s", "REMOTE_CONTROL_ENABLED=False"]
    command = [sys.executable, "-m", "scrapy", "crawl", spider, "-O", str(output), *options, *settings]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(output.read_text())


@pytest.mark.parametrize("spider", ["shop-everything", "shop-rules", "shop-map", "shop-login"])
def test_the_same_items_with_and_without_us(frontier_job, tmp_path, spider):
    with running_shop() as shop:
        expected = multiset(stock_items(tmp_path, spider, {"base": shop.url}))
    with running_shop() as shop:
        job = frontier_job(spider=spider, arguments={"base": shop.url}).create()
        workers = [job.start(), job.start()]
        job.wait_until_end(60)
        assert [worker.drain() for worker in workers] == [0, 0], job.logs()
        found = multiset(job.items())
    assert expected
    assert job.look().counters.get("pinned", 0) == (1 if spider == "shop-everything" else 0), "only the lambda stays"
    assert found == expected, (found - expected, expected - found, job.letters())


def test_a_login_holds_on_three_workers(frontier_job):
    with running_shop() as shop:
        job = frontier_job(spider="shop-login", arguments={"base": shop.url}).create(delay_ms=30, slots=1)
        workers = [job.start() for _ in range(3)]
        job.wait_until_end(60)
        assert [worker.drain() for worker in workers] == [0, 0, 0], job.logs()
    assert {item["title"] for item in job.items()} == {f"private {n}" for n in range(20)}
    assert sum("Set-Cookie" in worker.log for worker in workers) == 0


@pytest.mark.parametrize("kind", ["list", "set", "zset"])
def test_a_redis_spider_by_key(frontier_job, nginx, kind):
    start = len(nginx.log())
    job = frontier_job(spider="redis-rules", seeds={"type": "RedisKey", "key": f"my:{kind}"}).create()
    workers = [job.start(), job.start()]
    url = f"{nginx.url}{page_path(0)}"
    {
        "list": lambda: job.client.rpush(job.seeds["key"], url, "no url at all"),
        "set": lambda: job.client.sadd(job.seeds["key"], url, "no url at all"),
        "zset": lambda: job.client.zadd(job.seeds["key"], {url: 1, "no url at all": 2}),
    }[kind]()
    look = job.wait_until_end(40)
    hits = Counter(hit.path for hit in nginx.log()[start:])
    assert set(hits) == set(nginx.pages)
    assert sum(hits.values()) == len(nginx.pages) + 1
    assert look.seeds == 0
    assert [worker.drain() for worker in workers] == [0, 0], job.logs()
    assert job.look().counters["errors:spider"] >= 1


def test_a_spider_with_start_requests_only(frontier_job, trouble):
    job = frontier_job(spider="old", arguments={"start": f"{trouble.url}/page/1 {trouble.url}/page/2"}).create()
    job.start()
    job.wait_until_end(30)
    assert sorted(hit.path for hit in trouble.hits) == ["/page/1", "/page/2"]


def test_many_inline_seeds(frontier_job, trouble):
    job = frontier_job(seeds={"type": "Inline"}).create(f"{trouble.url}/page/{n}" for n in range(450))
    workers = [job.start(), job.start()]
    look = job.wait_until_end(60)
    assert Counter(hit.path for hit in trouble.hits) == {f"/page/{n}": 1 for n in range(450)}
    assert look.number("admitted") == 450
    assert [worker.drain() for worker in workers] == [0, 0], job.logs()


def test_seeding_that_was_killed_is_run_again_and_admits_nothing_twice(frontier_job, trouble):
    job = frontier_job(spider="many-seeds", arguments={"base": trouble.url, "count": "30", "fast": "20"}).create()
    first = job.start()
    other = job.start()
    wait_until(lambda: len(trouble.hits) >= 18, "the first seeds are fetched")
    seeder = first if job.look().meta["seed_epoch"].startswith("pod-0:") else other
    assert job.look().meta["seed_state"] == "seeding"
    job.kill(seeder)
    look = job.wait_until_end(60)
    assert {hit.path for hit in trouble.hits} == {f"/page/{n}" for n in range(30)}
    assert look.number("admitted") == 30


def test_an_entry_may_make_more_requests_than_one_push_takes(frontier_job, trouble):
    job = frontier_job(spider="many-of-one", seeds={"type": "Inline"}).create([f"{trouble.url} 1203"])
    job.start()
    look = job.wait_until_end(60)
    assert look.number("admitted") == len({hit.path for hit in trouble.hits}) == 1203
