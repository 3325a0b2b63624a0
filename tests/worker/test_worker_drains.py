"""Does a worker that is stopped, at any moment and before any server, lose nothing and end in time?"""

import time
from collections import Counter

from tests.servers.redis import redis_server
from tests.servers.site import page_path
from tests.worker.fleet import wait_until


def hanging_job(new_job, trouble, **fields):
    """A job with three requests that no server ever answers, all in progress."""
    job = new_job(seeds={"type": "Inline"}, **fields)
    job.prepare([f"{trouble.url}/hang/{n}" for n in range(3)])
    worker = job.start()
    wait_until(lambda: trouble.hanging == 3, "three requests hang")
    wait_until(lambda: job.snapshot().in_flight == 3, "the beat says so")
    return job, worker


def test_requests_that_hang_are_given_back_in_time(new_job, trouble):
    job, worker = hanging_job(new_job, trouble, grace_seconds=6)
    begun = time.monotonic()
    assert worker.drain() == 0, worker.log
    assert time.monotonic() - begun < 6
    look = job.snapshot()
    assert (look.queued, look.workers, look.done) == (3, (), 0)
    assert worker.message.startswith("drained")
    job.start()
    wait_until(lambda: trouble.hanging == 6, "the next worker takes them")


def test_a_second_sigterm_ends_the_waiting(new_job, trouble):
    job, worker = hanging_job(new_job, trouble, grace_seconds=120)
    worker.terminate()
    wait_until(lambda: [beat.phase for beat in job.snapshot().workers] == ["draining"], "it drains")
    assert worker.drain(8) == 0, worker.log
    assert job.snapshot().queued == 3


def test_redis_gone_while_draining_ends_it(new_job, trouble):
    with redis_server() as server:
        _, worker = hanging_job(new_job, trouble, server=server, grace_seconds=120)
        worker.terminate()
        wait_until(lambda: "Draining: 3" in worker.log, "it drains")
        server.kill()
        assert worker.wait(15) == 0, worker.log
    assert "3 requests are lost" in worker.log


def test_requests_that_end_in_time_are_finished(new_job, trouble):
    job = new_job(seeds={"type": "Inline"}, grace_seconds=120).prepare([f"{trouble.url}/held/x?to=/page/1"])
    worker = job.start()
    wait_until(lambda: job.snapshot().in_flight == 1, "the request is in progress")
    worker.terminate()
    wait_until(lambda: "Draining: 1" in worker.log, "it drains")
    trouble.gate.set_result(None)
    assert worker.wait() == 0, worker.log
    look = job.snapshot()
    assert (look.done, look.counters["items"], look.items) == (1, 1, 1)
    assert look.queued == 1, "the page's link is queued for the next worker"


def test_stopped_again_and_again_every_page_is_fetched(new_job, nginx):
    start = len(nginx.log())
    job = new_job(seeds={"type": "Inline"}, settings={"DOWNLOAD_DELAY": "0.02"}, grace_seconds=6)
    job.prepare([f"{nginx.url}{page_path(0)}"])
    for pages in (20, 60):
        worker = job.start()
        wait_until(lambda pages=pages: len(nginx.log()) - start > pages, f"{pages} pages are fetched")
        assert worker.drain() == 0, worker.log
    job.start()
    look = job.wait_until_idle()
    hits = Counter(hit.path for hit in nginx.log()[start:])
    assert set(hits) == set(nginx.pages)
    assert look.family("pages")["2xx"] == sum(hits.values())
    assert {item["url"] for item in job.items()} == {nginx.url + path for path in nginx.pages}


def test_seeding_that_is_stopped_is_not_reported_as_done(new_job, trouble):
    job = new_job(spider="many-seeds", arguments={"base": trouble.url, "count": "30", "fast": "5"}).prepare()
    worker = job.start()
    wait_until(lambda: len(trouble.hits) >= 6, "it seeds")
    assert worker.drain() == 0, worker.log
    assert not job.snapshot().seeded
