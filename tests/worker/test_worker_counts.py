"""Do the counters say what the servers' logs say, and is the list of items what the spider made?"""

from collections import Counter

from tests.servers.site import nginx_site, trouble_site
from tests.worker.fleet import wait_until


def links(site, *paths: str) -> str:
    return f"{site.url}/links?" + "&".join(f"to={path}" for path in paths)


def test_counters_equal_the_servers_log(new_job):
    pages = {"/index.html": b"", "/a.html": b"<h1>a</h1>" * 500, "/robots.txt": b"User-agent: *\nDisallow:\n"}
    targets = ("a.html", "missing.html", "moved", "broken")
    pages["/index.html"] = "".join(f'<a href="/{target}">x</a>' for target in targets).encode()
    trouble = 'location = /moved { return 301 /a.html; } location = /broken { return 500 "no"; }'
    with nginx_site(pages, f"gzip on; gzip_min_length 3000; {trouble}") as site:
        job = new_job(seeds={"type": "Inline"}, settings={"ROBOTSTXT_OBEY": "True"})
        job.prepare([f"{site.url}/index.html"]).start()
        look = job.wait_until_idle()
        log = site.log()
    statuses = Counter(f"{hit.status // 100}xx" for hit in log)
    assert look.family("pages") == dict(statuses)
    assert Counter(hit.path for hit in log)["/broken"] == 3, "retries are hits of their own"
    assert "/robots.txt" in {hit.path for hit in log}
    assert look.family("errors") == {"http_4xx": 1, "http_5xx": 3}
    assert look.counters["response_bytes"] == sum(hit.body_bytes for hit in log if hit.path != "/a.html") + _unframed(
        log
    )


def _unframed(log) -> int:
    """nginx counts the chunks' frames of compressed answers: 5 bytes of end, and size and line ends of one chunk."""
    return sum(hit.body_bytes - 5 - len(f"{hit.body_bytes:x}") - 4 for hit in log if hit.path == "/a.html")


def test_errors_by_kind(new_job, trouble):
    closed = "http://127.0.0.1:1/x"
    unknown = "http://no-such-host.invalid/"
    tls = trouble.url.replace("http://", "https://") + "/page/1"
    job = new_job(seeds={"type": "Inline"}, settings={"RETRY_TIMES": "1", "DOWNLOAD_TIMEOUT": "2"})
    job.prepare([closed, unknown, tls, f"{trouble.url}/hang/1", f"{trouble.url}/drop/1", "ldap://x/"]).start()
    look = job.wait_until_idle(40)
    assert look.family("errors") == {"connection": 4, "dns": 2, "tls": 2, "timeout": 2, "download": 1}, job.logs()
    assert look.family("pages") == {}


def test_items_of_any_kind_and_what_spoils_them(new_job, trouble):
    job = new_job(spider="odd", seeds={"type": "Inline"})
    job.prepare([links(trouble, "/page/1", "/page/2")]).start()
    look = job.wait_until_idle()
    assert look.counters["items"] == 1
    assert look.counters["items_dropped"] == 1
    assert look.family("errors") == {"pipeline": 1, "spider": 2}
    (item,) = job.items()
    assert (item["seen_at"], item["tags"]) == ("2024-02-29", "{'a'}")
    assert job.workers[0].log.count("which JSON does not know") == 1


def test_a_request_that_no_queue_can_hold_is_an_error_and_no_end(new_job, trouble):
    job = new_job(spider="lambda", seeds={"type": "Inline"}).prepare([f"{trouble.url}/page/0"])
    job.start()
    look = job.wait_until_idle()
    assert look.family("errors") == {"spider": 1}
    assert look.counters["items"] == 1


def test_the_list_of_items_is_bounded_to_the_newest(new_job, trouble):
    job = new_job(seeds={"type": "Inline"}, settings={"CRAWLFLEET_ITEMS_MAX": "25"})
    job.prepare([f"{trouble.url}/pages/60"])
    worker = job.start()
    job.wait_until_idle()
    wait_until(lambda: len(job.items()) == 25, "the batch is in Redis")
    assert worker.drain() == 0
    assert len(job.items()) == 25
    assert job.snapshot().counters["items"] == 61


def test_redirects_and_retries_are_pages(new_job):
    with trouble_site() as site:
        job = new_job(seeds={"type": "Inline"})
        job.prepare([f"{site.url}/redirect/page/1", f"{site.url}/flaky/a/2"]).start()
        look = job.wait_until_idle()
        assert look.family("pages") == dict(Counter(f"{hit.status // 100}xx" for hit in site.hits))
        assert look.family("pages") == {"2xx": 2, "3xx": 1, "5xx": 2}
        assert look.done == 5
