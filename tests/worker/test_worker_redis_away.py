"""Does a crawl survive Redis' restarts, silences and lost replies: no page lost, nothing counted twice?"""

from collections import Counter

from tests.servers.proxy import lossy_proxy
from tests.servers.redis import redis_server
from tests.servers.site import page_path
from tests.worker.fleet import wait_until


def slow_crawl(new_job, nginx, server, **fields):
    job = new_job(server, seeds={"type": "Inline"}, settings={"DOWNLOAD_DELAY": "0.02"}, **fields)
    job.prepare([f"{nginx.url}{page_path(0)}"])
    return job, job.start()


def assert_all_pages_counted_once(job, nginx, start):
    look = job.wait_until_idle()
    hits = Counter(hit.path for hit in nginx.log()[start:])
    assert set(hits) == set(nginx.pages), job.logs()
    assert look.family("pages") == {"2xx": sum(hits.values())}
    assert look.counters["response_bytes"] == sum(hit.body_bytes for hit in nginx.log()[start:])
    assert {item["url"] for item in job.items()} == {nginx.url + path for path in nginx.pages}


def test_redis_restarts_in_mid_crawl(new_job, nginx):
    start = len(nginx.log())
    with redis_server(appendonly=True) as server:
        job, worker = slow_crawl(new_job, nginx, server)
        wait_until(lambda: len(nginx.log()) - start > 20, "it crawls")
        server.restart()
        wait_until(lambda: len(nginx.log()) - start > 60, "it goes on by itself")
        server.kill()
        wait_until(lambda: "Redis does not answer the beat" in worker.log, "the worker notices")
        server.start()
        assert_all_pages_counted_once(job, nginx, start)
        assert worker.drain() == 0, worker.log


def test_redis_is_silent_for_a_while(new_job, nginx):
    start = len(nginx.log())
    with redis_server() as server:
        job, worker = slow_crawl(new_job, nginx, server)
        wait_until(lambda: len(nginx.log()) - start > 20, "it crawls")
        server.pause()
        wait_until(lambda: "Redis does not answer the scheduler" in worker.log, "the scheduler notices")
        server.resume()
        assert_all_pages_counted_once(job, nginx, start)


def test_every_seventh_reply_is_lost(new_job, trouble):
    seen = []

    def lose(request: bytes) -> bool:
        seen.append(request)
        return len(seen) % 7 == 0

    with redis_server() as server, lossy_proxy(server.port, lose) as proxy:
        job = new_job(server, seeds={"type": "Inline"}, redis_url=f"redis://127.0.0.1:{proxy.port}")
        job.prepare([f"{trouble.url}/pages/30", f"{trouble.url}/page/30"])
        worker = job.start()
        wait_until(lambda: len({hit.path for hit in trouble.hits}) == 32, "every page is fetched", 60)
        job.wait_until_idle()
        assert worker.drain() == 0, worker.log
        look = job.snapshot()
        hits = Counter(hit.path for hit in trouble.hits)
        assert set(hits) == {"/pages/30", *(f"/page/{n}" for n in range(31))}, worker.log
        assert look.family("pages") == {"2xx": sum(hits.values())}
        assert proxy.lost > 10


def test_a_beat_whose_reply_is_lost_counts_once(new_job, trouble):
    with redis_server() as server:
        beats = []

        def lose(request: bytes) -> bool:
            if b"first_beat_at" not in request:
                return False
            beats.append(request)
            return len(beats) % 2 == 0

        with lossy_proxy(server.port, lose) as proxy:
            job = new_job(server, seeds={"type": "Inline"}, redis_url=f"redis://127.0.0.1:{proxy.port}")
            job.prepare([f"{trouble.url}/pages/30"])
            worker = job.start()
            wait_until(lambda: len(trouble.hits) == 31 and proxy.lost >= 2, "two replies are lost", 40)
            job.wait_until_idle()
            assert worker.drain() == 0, worker.log
        assert job.snapshot().family("pages") == {"2xx": 31}
        assert job.snapshot().done == 31


def test_an_emptied_redis_is_told_once_and_the_worker_goes_on(new_job, trouble):
    with redis_server() as server:
        job = new_job(server, seeds={"type": "Inline"}).prepare([f"{trouble.url}/page/1"])
        worker = job.start()
        job.wait_until_idle()
        server.client().flushall()
        wait_until(lambda: "was Redis emptied?" in worker.log, "the worker says so")
        assert not job.snapshot().intact
        assert worker.runs
        assert worker.drain() == 0, worker.log
        assert worker.log.count("was Redis emptied?") == 1
