"""How does each request end: done, fetched again, or a dead letter with its reason?"""

import pytest

from crawlfleet_frontier import envelope
from crawlfleet_frontier.envelope import FrontierRequest
from crawlfleet_frontier.store import calls
from tests.servers.ports import free_port
from tests.worker.fleet import wait_until


def links(site, *paths):
    return f"{site.url}/links?" + "&".join(f"to={path}" for path in paths)


def test_redirects_and_retries_are_no_losses(frontier_job, trouble):
    start = links(trouble, "/redirect/page/1", "/flaky/a/2", "/redirect/redirect/page/2", "/redirect/page/1?again")
    job = frontier_job(arguments={"start": start}).create()
    job.start()
    look = job.wait_until_end(40)
    paths = sorted(hit.path for hit in trouble.hits)
    assert paths.count("/flaky/a/2") == 3
    assert paths.count("/page/1") == 1, "two redirects to one page fetch it once"
    assert paths.count("/page/2") == 1
    assert look.number("dead") == 0
    assert {item["url"].removeprefix(trouble.url) for item in job.items()} >= {"/page/1", "/page/2", "/flaky/a/2"}


def test_what_retries_give_up_is_a_dead_letter(frontier_job, trouble):
    closed = f"http://127.0.0.1:{free_port()}/nobody"
    start = links(trouble, "/status/503/x", "/status/404/y", "/drop/z", closed)
    job = frontier_job(arguments={"start": start}, settings={"RETRY_TIMES": "1"}).create()
    job.start()
    look = job.wait_until_end(60)
    letters = {(letter["payload"].rpartition("/")[2][:6], letter["reason"]) for letter in job.letters()}
    assert {reason for _, reason in letters} == {"Http5xx", "Connection"}, job.letters()
    assert len(job.letters()) == look.number("dead") == 3
    assert [hit.path for hit in trouble.hits].count("/status/503/x") == 2
    assert [hit.path for hit in trouble.hits].count("/status/404/y") == 1


def test_a_callback_that_raises_is_a_dead_letter_with_its_last_line(frontier_job, trouble):
    job = frontier_job(spider="odd", arguments={"start": links(trouble, "/page/1")}).create()
    job.start()
    look = job.wait_until_end(40)
    (letter,) = job.letters()
    assert letter["reason"] == "SpiderError"
    assert letter["error"].startswith("ZeroDivisionError: a callback that raises (spiders/shelf.py:")
    job.wait_for_counter("errors:spider", 1)
    assert (look.number("done"), look.number("dead")) == (1, 1)


def test_a_lambda_is_kept_under_its_parent(frontier_job, trouble):
    job = frontier_job(spider="lambda", arguments={"start": f"{trouble.url}/page/0"}).create()
    worker = job.start()
    look = job.wait_until_end(40)
    assert [hit.path for hit in trouble.hits] == ["/page/0", "/page/1"]
    assert (look.number("admitted"), look.number("done")) == (1, 1)
    job.wait_for_counter("pinned", 1)
    assert "callback is a lambda" in worker.log


def test_a_parent_is_not_done_before_its_lambda(frontier_job, trouble):
    """Killed while the pinned request is on its way, the parent is fetched again."""
    job = frontier_job(spider="lambda-slow", arguments={"start": f"{trouble.url}/page/0"}).create()
    worker = job.start()
    wait_until(lambda: trouble.hanging == 1, "the pinned request is on its way")
    assert job.number("leased") == 1
    job.kill(worker)
    job.start()
    wait_until(lambda: trouble.hanging == 2, "it is on its way again", 30)
    assert [hit.path for hit in trouble.hits] == ["/page/0", "/page/0"]


def test_what_hangs_is_given_back_in_time(frontier_job, trouble):
    job = frontier_job(seeds={"type": "Inline"}, grace_seconds=6)
    job.create([f"{trouble.url}/hang/{n}" for n in range(3)])
    worker = job.start()
    wait_until(lambda: trouble.hanging == 3, "three requests hang")
    assert worker.drain(9) == 0, worker.log
    look = job.look()
    assert (look.number("queued"), look.number("leased"), look.workers) == (3, 0, ())
    assert "losses" not in look.counters
    job.start()
    wait_until(lambda: trouble.hanging == 6, "the next worker takes them")


def test_a_request_that_never_ends_is_given_up(frontier_job, trouble):
    settings = {"CRAWLFLEET_REQUEST_MAX_SECONDS": "2"}
    job = frontier_job(seeds={"type": "Inline"}, settings=settings)
    job.create([f"{trouble.url}/hang/1"], max_losses=1)
    worker = job.start()
    look = job.wait_until_end(30)
    assert look.number("dead") == 1
    assert "Given up after 2 s" in worker.log


def test_an_unknown_callback_waits_for_an_image_that_has_it(frontier_job, trouble):
    job = frontier_job(seeds={"type": "Inline"}).create()
    payload = envelope.encode(FrontierRequest(f"{trouble.url}/page/1", callback="parse_gone"))
    job.call(calls.push(job.store, [calls.PushRequest("7", "127.0.0.1", 3, payload)]))
    worker = job.start()
    wait_until(lambda: job.number("delayed") == 1, lambda: f"it waits {job.look()} {job.logs()}", 30)
    assert "has no such method" in worker.log
    job.wait_for_counter("unknown_callbacks", 1)
    assert trouble.hits == []


@pytest.mark.parametrize("spider", ["rules", "follow"])
def test_a_crawl_spiders_own_errback_hides_no_failure(frontier_job, trouble, spider):
    start = links(trouble, "/status/500/x", "/drop/z")
    job = frontier_job(spider=spider, seeds={"type": "Inline"}, settings={"RETRY_TIMES": "0"}).create([start])
    job.start()
    job.wait_until_end(60)
    assert sorted(letter["reason"] for letter in job.letters()) == ["Connection", "Http5xx"]


def test_a_second_sigterm_ends_the_waiting(frontier_job, trouble):
    job = frontier_job(seeds={"type": "Inline"}, grace_seconds=120).create([f"{trouble.url}/hang/1"])
    worker = job.start()
    wait_until(lambda: trouble.hanging == 1, "the request hangs")
    worker.terminate()
    wait_until(lambda: "Draining: 1" in worker.log, "it drains")
    assert worker.drain(8) == 0, worker.log
    look = job.look()
    assert (look.number("queued"), look.workers) == (1, ())
    assert "losses" not in look.counters


def test_stopped_with_a_pinned_request_under_way_its_parent_goes_back(frontier_job, trouble):
    job = frontier_job(spider="lambda-slow", arguments={"start": f"{trouble.url}/page/0"}, grace_seconds=6).create()
    worker = job.start()
    wait_until(lambda: trouble.hanging == 1, "the pinned request is on its way")
    assert worker.drain(9) == 0, worker.log
    look = job.look()
    assert (look.number("queued"), look.number("done"), look.workers) == (1, 0, ())


def test_scrapy_on_a_reactor_where_the_spider_wants_it(frontier_job, nginx):
    start = len(nginx.log())
    job = frontier_job(seeds={"type": "Inline"}, spider="on-reactor").create([f"{nginx.url}/page-0.html"])
    worker = job.start()
    job.wait_until_end(60)
    assert {hit.path for hit in nginx.log()[start:]} == set(nginx.pages)
    assert worker.drain() == 0, worker.log


def test_stopped_in_a_callback_its_page_is_not_done_and_none_of_its_requests_is_missing(frontier_job, trouble):
    job = frontier_job(spider="late", arguments={"base": trouble.url}, grace_seconds=6).create()
    worker = job.start()
    wait_until(lambda: len(trouble.hits) >= 2, "the callback has begun to yield")
    assert worker.drain(9) == 0, worker.log
    look = job.look()
    assert (look.number("leased"), look.workers) == (0, ())
    assert "losses" not in look.counters
    job.start()
    look = job.wait_until_end(40)
    assert {hit.path for hit in trouble.hits} == {f"/page/{n}" for n in range(9)}
    assert look.number("admitted") == 9
