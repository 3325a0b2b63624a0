"""Does an unmodified spider fetch every page once, on one frontier for the whole fleet?"""

from collections import Counter

from tests.servers.site import page_path
from tests.worker.fleet import wait_until


def hits_since(site, start):
    return Counter(hit.path for hit in site.log()[start:])


def test_two_workers_fetch_every_page_once(frontier_job, nginx):
    start = len(nginx.log())
    job = frontier_job(arguments={"start": f"{nginx.url}{page_path(0)}"}).create()
    workers = [job.start(), job.start()]
    look = job.wait_until_end(40)
    hits = hits_since(nginx, start)
    assert set(hits) == set(nginx.pages), job.logs()
    assert sum(hits.values()) == len(nginx.pages) + 1, "the seed goes round the duplicate filter"
    assert look.number("done") == look.number("admitted") == sum(hits.values())
    assert [worker.drain() for worker in workers] == [0, 0], job.logs()
    assert {item["url"] for item in job.items()} == {nginx.url + path for path in nginx.pages}
    assert job.look().counters["requests_done"] == sum(hits.values())
    assert job.look().workers == ()


def test_a_worker_that_is_killed_loses_no_page(frontier_job, nginx):
    start = len(nginx.log())
    job = frontier_job(arguments={"start": f"{nginx.url}{page_path(0)}"}).create(delay_ms=15, slots=1)
    victim, _ = job.start(), job.start()
    wait_until(lambda: len(nginx.log()) - start > 30, "30 pages are fetched")
    job.kill(victim)
    look = job.wait_until_end(60)
    hits = hits_since(nginx, start)
    assert set(hits) == set(nginx.pages)
    assert look.number("dead") == 0
    assert {item["url"] for item in job.items()} == {nginx.url + path for path in nginx.pages}


def test_a_worker_that_is_stopped_loses_nothing_and_no_loss_is_counted(frontier_job, nginx):
    start = len(nginx.log())
    job = frontier_job(arguments={"start": f"{nginx.url}{page_path(0)}"}).create(delay_ms=15, slots=1)
    for pages in (15, 50):
        worker = job.start()
        wait_until(lambda pages=pages: len(nginx.log()) - start > pages, f"{pages} pages are fetched")
        assert worker.drain() == 0, worker.log
        assert job.number("leased") == 0
        assert job.look().workers == ()
    job.start()
    look = job.wait_until_end(40)
    hits = hits_since(nginx, start)
    assert set(hits) == set(nginx.pages)
    assert sum(hits.values()) == len(nginx.pages) + 1, "a drained worker finishes what it has begun"
    assert "losses" not in look.counters
    job.wait_for_counter("requests_done", sum(hits.values()))
