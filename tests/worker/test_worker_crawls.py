"""Does a worker crawl exactly the pages that are there, from each type of seeds, with each class of spider?"""

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.servers.site import NginxSite, page_path
from tests.worker.fleet import Job, wait_until

EXAMPLE_PROJECT = Path(__file__).parents[2] / "examples" / "spiders"


def hits_since(site: NginxSite, start: int) -> Counter[str]:
    return Counter(hit.path for hit in site.log()[start:])


def assert_whole_site(job: Job, site: NginxSite, start: int, seeds_without_item: int = 0) -> None:
    """Every page fetched, none of them twice but the seeds (which pass the duplicate filter), an item of each."""
    look = job.wait_until_idle()
    hits = hits_since(site, start)
    assert set(hits) == set(site.pages)
    assert sum(hits.values()) <= len(site.pages) + 1, hits.most_common(3)
    assert look.done == look.family("pages")["2xx"] == sum(hits.values())
    assert look.counters["items"] == sum(hits.values()) - seeds_without_item
    assert {item["url"] for item in job.items()} == {site.url + path for path in site.pages}


@pytest.mark.parametrize("spider", ["follow", "old"])
def test_seeds_of_the_spider(new_job, nginx, spider):
    start = len(nginx.log())
    job = new_job(spider=spider, arguments={"start": f"{nginx.url}{page_path(0)}"}).prepare()
    worker = job.start()
    if spider == "follow":
        assert_whole_site(job, nginx, start)
    else:
        assert set(job.wait_until_idle().family("pages")) == {"2xx"}
        assert set(hits_since(nginx, start)) == {page_path(0)}
    assert worker.drain() == 0, worker.log
    assert worker.message.startswith("drained")


@pytest.mark.parametrize("spider", ["follow", "rules", "redis", "redis-rules"])
def test_inline_seeds_feed_any_class_of_spider(new_job, nginx, spider):
    start = len(nginx.log())
    ignored = {"start": "http://127.0.0.1:1/never"} if spider == "follow" else {}
    job = new_job(spider=spider, seeds={"type": "Inline"}, arguments=ignored)
    job.prepare([f"{nginx.url}{page_path(0)}"]).start()
    assert_whole_site(job, nginx, start, seeds_without_item=1 if "rules" in spider else 0)


@pytest.mark.parametrize("spider", ["follow", "redis"])
@pytest.mark.parametrize("kind", ["list", "set", "zset"])
def test_a_users_key_of_each_type(new_job, trouble, spider, kind):
    job = new_job(spider=spider, seeds={"type": "RedisKey", "key": f"my:{spider}:{kind}"}).prepare()
    job.start()
    wait_until(lambda: job.snapshot().started, "the worker beats")
    plain, with_meta = f"{trouble.url}/page/1", json.dumps({"url": f"{trouble.url}/page/2", "meta": {"tag": "x"}})
    {
        "list": lambda: job.client.rpush(job.seeds["key"], plain, with_meta),
        "set": lambda: job.client.sadd(job.seeds["key"], plain, with_meta),
        "zset": lambda: job.client.zadd(job.seeds["key"], {plain: 1, with_meta: 2}),
    }[kind]()
    wait_until(lambda: len(trouble.hits) == 2, "both seeds are fetched", seconds=10)
    job.wait_until_idle()
    assert {hit.path for hit in trouble.hits} == {"/page/1", "/page/2"}
    if spider == "redis":
        assert {item["url"][-1]: item["meta"] for item in job.items()} == {"1": None, "2": "x"}


def test_a_bad_seed_is_an_error_and_the_next_one_is_fetched(new_job, trouble):
    job = new_job(seeds={"type": "RedisKey", "key": "bad:seeds"}).prepare()
    job.client.rpush("bad:seeds", "no url at all", '{"no": "url"}', f"{trouble.url}/page/1")
    job.start()
    look = job.wait_until_idle()
    assert look.family("errors") == {"spider": 2}
    assert [hit.path for hit in trouble.hits] == ["/page/1"]


def test_two_workers_share_one_crawl(new_job, nginx):
    start = len(nginx.log())
    job = new_job(spider="follow", seeds={"type": "Inline"}, settings={"DOWNLOAD_DELAY": "0.03"})
    job.prepare([f"{nginx.url}{page_path(0)}"])
    workers = [job.start(), job.start()]
    assert_whole_site(job, nginx, start)
    assert len(job.snapshot().workers) == 2
    assert [worker.drain() for worker in workers] == [0, 0]
    look = job.snapshot()
    assert look.workers == ()
    assert look.seen >= len(nginx.pages) - 1, "a worker emptied the shared duplicate filter"


def test_a_later_worker_skips_start(new_job, trouble):
    job = new_job(spider="many-seeds", arguments={"base": trouble.url, "count": "5"}).prepare(state="seeded")
    job.start()
    job.wait_until_idle()
    assert trouble.hits == []


def test_a_worker_waits_for_the_sentinel(new_job, trouble):
    job = new_job(arguments={"start": f"{trouble.url}/page/1"})
    worker = job.start()
    wait_until(lambda: "Waiting for the operator" in worker.log, "the worker says that it waits")
    assert trouble.hits == []
    assert not job.snapshot().intact
    job.prepare()
    job.wait_until_idle()
    assert [hit.path for hit in trouble.hits] == ["/page/1"]


def test_seeding_that_was_killed_is_run_again(new_job, trouble):
    job = new_job(spider="many-seeds", arguments={"base": trouble.url, "count": "30", "fast": "20"}).prepare()
    first = job.start()
    wait_until(lambda: len(trouble.hits) >= 20, "the first seeds are fetched")
    first.kill()
    assert not job.snapshot().seeded
    job.client.delete(job.keys.workers)  # the operator sees the pod's end
    job.start()
    job.wait_until_idle(40)
    assert {hit.path for hit in trouble.hits} == {f"/page/{n}" for n in range(30)}


def test_seeded_only_when_the_last_seed_is_enqueued(new_job, trouble):
    job = new_job(spider="many-seeds", arguments={"base": trouble.url, "count": "14", "fast": "4"}).prepare()
    job.start()
    wait_until(lambda: len(trouble.hits) >= 6, "the slow seeds have begun")
    assert not job.snapshot().seeded
    wait_until(lambda: job.snapshot().seeded, "start() is through")
    assert job.snapshot().done + job.snapshot().queued + job.snapshot().in_flight >= 13


def test_a_queue_class_of_the_project_is_kept(new_job, nginx):
    start = len(nginx.log())
    job = new_job(seeds={"type": "Inline"}, spider="fifo").prepare([f"{nginx.url}{page_path(0)}"])
    job.start()
    wait_until(lambda: job.snapshot().queue_type == "list", "the queue is a LIST")
    assert_whole_site(job, nginx, start)


def test_scrapy_on_a_reactor_where_the_spider_wants_it(new_job, nginx):
    start = len(nginx.log())
    job = new_job(seeds={"type": "Inline"}, spider="on-reactor").prepare([f"{nginx.url}{page_path(0)}"])
    worker = job.start()
    assert_whole_site(job, nginx, start)
    assert worker.drain() == 0, worker.log


def test_the_example_project_crawls(new_job, nginx):
    start = len(nginx.log())
    job = new_job(
        spider="site",
        seeds={"type": "Inline"},
        project=EXAMPLE_PROJECT,
        arguments={"host": "127.0.0.1"},
        settings={"DOWNLOAD_DELAY": "0"},
    )
    job.prepare([f"{nginx.url}{page_path(0)}"]).start()
    job.wait_until_idle()
    assert set(hits_since(nginx, start)) == {*nginx.pages, "/robots.txt"}
    assert {item["headings"][0] for item in job.items()} == {f"Page {n}" for n in range(len(nginx.pages))}
