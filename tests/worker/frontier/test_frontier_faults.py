"""What happens to a worker that is fenced, refused, blind, or stopped too early?"""

import os
import signal
import time
from collections import Counter

import pytest

from crawlfleet_frontier.store import calls
from tests.servers.redis import redis_server
from tests.servers.site import page_path
from tests.worker.fleet import wait_until
from tests.worker.frontier.shop import running_shop


def paths_since(site, start):
    return Counter(hit.path for hit in site.log()[start:])


def test_a_worker_that_stood_still_is_fenced_and_goes_on(frontier_job, nginx):
    start = len(nginx.log())
    job = frontier_job(arguments={"start": f"{nginx.url}{page_path(0)}"}).create(delay_ms=100, slots=1)
    sleeper = job.start()
    wait_until(lambda: len(nginx.log()) - start > 10, "10 pages are fetched")
    sleeper.process.send(signal.SIGSTOP)
    other = job.start()
    wait_until(lambda: [worker.epoch[:6] for worker in job.look().workers] == ["pod-1:"], "the sleeper is fenced", 20)
    sleeper.process.send(signal.SIGCONT)
    wait_until(lambda: "taken from this worker" in sleeper.log, lambda: sleeper.log[-2000:], 20)
    job.wait_until_end(60)
    assert set(paths_since(nginx, start)) == set(nginx.pages)
    assert {item["url"] for item in job.items()} == {nginx.url + path for path in nginx.pages}
    assert [sleeper.drain(), other.drain()] == [0, 0], job.logs()


def test_another_layout_ends_it_with_a_code_of_its_own(frontier_job):
    job = frontier_job().create()
    job.client.hset(job.store.meta, "layout", "frontier/0")
    worker = job.start()
    assert worker.wait(20) == 78, worker.log
    assert "layout" in worker.message


def test_a_redis_that_refuses_us_ends_it(frontier_job):
    with redis_server(password="right") as server:
        job = frontier_job(server=server)
        job.create()
        job.redis_url = server.url.replace("right", "wrong")
        worker = job.start()
        assert worker.wait(20) == 77, worker.log
        assert "wrong" not in worker.message


def test_a_redis_that_refuses_us_later_ends_it(frontier_job, trouble):
    with redis_server() as server:
        job = frontier_job(server=server, seeds={"type": "Inline"}).create([f"{trouble.url}/page/1"])
        worker = job.start()
        job.wait_until_end(20)
        job.client.config_set("requirepass", "changed")
        job.client.client_kill_filter(_type="normal", skipme=True)
        assert worker.wait(30) == 77, worker.log


def test_it_waits_for_the_operator_and_can_be_stopped_meanwhile(frontier_job):
    job = frontier_job()
    worker = job.start()
    wait_until(lambda: "Waiting for the operator" in worker.log, "it waits", 20)
    assert worker.drain(10) == 0, worker.log


def test_stopped_while_seeding_another_worker_seeds(frontier_job, trouble):
    job = frontier_job(spider="many-seeds", arguments={"base": trouble.url, "count": "20", "fast": "10"}).create()
    worker = job.start()
    wait_until(lambda: len(trouble.hits) >= 11, "it seeds")
    assert worker.drain() == 0, worker.log
    assert job.look().meta["seed_state"] == "unseeded"
    job.start()
    look = job.wait_until_end(40)
    assert look.number("admitted") == 20
    assert Counter(hit.path for hit in trouble.hits) == {f"/page/{n}": 1 for n in range(20)}


def test_redis_away_and_back_loses_nothing(frontier_job, nginx):
    start = len(nginx.log())
    with redis_server(appendonly=True) as server:
        job = frontier_job(server=server, arguments={"start": f"{nginx.url}{page_path(0)}"})
        job.create(delay_ms=20, slots=1)
        job.start()
        wait_until(lambda: len(nginx.log()) - start > 20, "20 pages are fetched")
        server.kill()
        time.sleep(2)  # an outage of this length
        server.start()
        look = job.wait_until_end(60)
        assert "losses" not in look.counters
        assert {item["url"] for item in job.items()} == {nginx.url + path for path in nginx.pages}
    assert set(paths_since(nginx, start)) == set(nginx.pages)


def test_items_that_a_cut_file_lost_are_stored_again_before_their_page_is_done(frontier_job, trouble, tmp_path):
    """Redis took the item, and lost it; the worker's epoch goes on, since it had told Redis nothing else meanwhile."""
    with redis_server(appendonly=True) as server:
        start = f"{trouble.url}/page/1"
        job = frontier_job(server=server, spider="gated", arguments={"start": start, "folder": str(tmp_path)})
        worker = job.create(delay_ms=20, slots=1).start()
        wait_until((tmp_path / "called").exists, lambda: worker.log)
        wait_until(lambda: job.look().meta["seed_state"] == "seeded" and not job.slots(), "all of it is said")
        before = server.append_only_file().stat().st_size
        (tmp_path / "item").touch()
        wait_until(job.items, "the item is there")
        server.kill()
        os.truncate(server.append_only_file(), before)
        server.start()
        assert job.items() == []
        (tmp_path / "end").touch()
        look = job.wait_until_end(60)
        assert look.number("done") == 1
        assert {item["url"] for item in job.items()} == {start}, "it may be there twice"
        assert worker.drain() == 0, worker.log


def test_the_fleet_keeps_the_pace_at_the_server(frontier_job):
    with running_shop() as shop:
        job = frontier_job(spider="shop-rules", arguments={"base": shop.url}).create(delay_ms=120, slots=1)
        workers = [job.start(), job.start()]
        job.wait_until_end(60)
        assert [worker.drain() for worker in workers] == [0, 0]
        gaps = [after - before for before, after in zip(shop.times, shop.times[1:], strict=False)]
    assert len(gaps) > 20
    assert min(gaps) >= 0.120, sorted(gaps)[:5]
    assert sorted(gaps)[len(gaps) // 2] < 0.25, "no rate is given away"


@pytest.mark.parametrize("obeys", ["True", "False"])
def test_robots_txt(frontier_job, obeys):
    with running_shop(robots="User-agent: *\nDisallow: /page/1\n") as shop:
        job = frontier_job(spider="shop-rules", arguments={"base": shop.url}, settings={"ROBOTSTXT_OBEY": obeys})
        job.create()
        workers = [job.start(), job.start()]
        look = job.wait_until_end(60)
        assert shop.hits["/robots.txt"] == (1 if obeys == "True" else 0)
        assert ("/page/1" in shop.hits) is (obeys == "False")
        if obeys == "True":
            job.wait_for_counter("ignored", 4)  # /page/1, and /page/10 to 12
        assert look.number("dead") == 0
        assert [worker.drain() for worker in workers] == [0, 0]


def test_an_unreachable_robots_txt_loses_no_page(frontier_job):
    with running_shop(robots=None) as shop:
        job = frontier_job(spider="shop-rules", arguments={"base": shop.url}, settings={"ROBOTSTXT_OBEY": "True"})
        job.create()
        worker = job.start()
        wait_until(lambda: job.number("delayed") == 1, lambda: f"the page waits: {job.look()}\n{job.logs()}", 40)
        assert set(shop.hits) == {"/robots.txt"}
        assert "losses" not in job.look().counters
        assert worker.drain() == 0, worker.log


def test_the_spiders_idle_signal_comes_when_the_whole_fleet_is_idle(frontier_job, trouble):
    job = frontier_job(spider="idle", arguments={"base": trouble.url}).create()
    workers = [job.start(), job.start()]
    wait_until(lambda: sum("I am idle" in worker.log for worker in workers) == 2, "both say so", 30)
    assert len(trouble.hits) >= 3, "not before the slow page was there"
    assert job.look().number("done") >= 3
    job.call(calls.close(job.store, job.look().number("admitted")))


def test_seeds_that_redis_has_no_room_for_wait_and_are_not_lost(frontier_job, trouble):
    with redis_server() as server:
        job = frontier_job(server=server, spider="many-seeds", arguments={"base": trouble.url, "count": "30"}).create()
        job.client.config_set("maxmemory", 1)
        worker = job.start()
        wait_until(lambda: job.look().meta["seed_state"] == "seeding", "it seeds")
        wait_until(lambda: "errorstat_OOM" in job.client.info("errorstats"), "pushes are refused")
        assert job.look().meta["seed_state"] == "seeding"
        assert job.number("admitted") == 0
        job.client.config_set("maxmemory", 0)
        look = job.wait_until_end(60)
        assert look.number("admitted") == 30
        assert {hit.path for hit in trouble.hits} == {f"/page/{n}" for n in range(30)}
        assert worker.drain() == 0, worker.log
