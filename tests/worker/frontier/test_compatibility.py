"""What Scrapy's users lean on, with many workers on one frontier: rows of docs/compatibility.md not shown elsewhere."""

import hashlib
import json
import re
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.servers.site import linked_pages, nginx_site, page_path
from tests.worker.fleet import wait_until

TABLE = Path(__file__).parents[3] / "docs" / "compatibility.md"
CLOSED = re.compile(r"closed (\{.*\})")


def paths_since(site, start):
    return Counter(hit.path for hit in site.log()[start:])


def crawled(job, nginx, workers=2):
    """Let so many workers crawl all, drain them, and return what the site saw."""
    start = len(nginx.log())
    job.create()
    running = [job.start() for _ in range(workers)]
    job.wait_until_end(60)
    assert [worker.drain() for worker in running] == [0] * workers, job.logs()
    return paths_since(nginx, start)


def crawled_by_both(job, trouble):
    """Let two workers share pages that take their time, one at a time each; return what the site saw."""
    job.create()
    running = [job.start(), job.start()]
    wait_until(lambda: len(job.look().workers) == 2, "both workers beat")
    slow = "&".join(f"to=/slow/0.1/{n}" for n in range(40))
    job.client.rpush(job.store.seeds, f"{trouble.url}/links?{slow}")
    job.wait_until_end(60)
    assert [worker.drain() for worker in running] == [0, 0], job.logs()
    return Counter(hit.path for hit in trouble.hits)


def test_attributes_closed_and_statistics_are_those_of_one_worker(frontier_job, trouble):
    job = frontier_job(spider="counting", seeds={"type": "Inline"}, settings={"CONCURRENT_REQUESTS": "1"})
    hits = crawled_by_both(job, trouble)
    said = [json.loads(found) for worker in job.workers for found in CLOSED.findall(worker.log)]
    assert [each["reason"] for each in said] == ["shutdown", "shutdown"]
    assert sum(each["met"] for each in said) == sum(each["received"] for each in said) == sum(hits.values())
    assert all(each["met"] for each in said), "both have worked"


def test_closespider_ends_a_process_and_not_the_crawl(frontier_job, nginx):
    start = len(nginx.log())
    settings = {"CLOSESPIDER_PAGECOUNT": "25"}
    job = frontier_job(arguments={"start": nginx.url + page_path(0)}, settings=settings).create()
    codes = []
    while not job.workers or not job.at_end():
        worker = job.start()
        wait_until(lambda worker=worker: not worker.runs or job.at_end(), "the worker or the crawl ends")
        codes.append(worker.drain())
    assert len(codes) > 2
    assert set(codes) == {0}, job.logs()
    assert set(paths_since(nginx, start)) == set(nginx.pages)


def test_feeds_of_all_workers_together_hold_every_item(frontier_job, trouble, tmp_path):
    settings = {"FEED_FOLDER": str(tmp_path / "feeds"), "CONCURRENT_REQUESTS": "1"}
    job = frontier_job(spider="feeding", seeds={"type": "Inline"}, settings=settings)
    hits = crawled_by_both(job, trouble)
    feeds = [file.read_text().splitlines() for file in Path(settings["FEED_FOLDER"]).iterdir()]
    assert [bool(feed) for feed in feeds] == [True, True]
    urls = Counter(urlsplit(json.loads(line)["url"]).path for feed in feeds for line in feed)
    assert urls == hits


def test_a_page_in_the_http_cache_costs_no_request(frontier_job, nginx, tmp_path):
    settings = {"HTTPCACHE_ENABLED": "True", "HTTPCACHE_DIR": str(tmp_path / "cache")}
    arguments = {"start": nginx.url + page_path(0)}
    assert set(crawled(frontier_job(arguments=arguments, settings=settings), nginx)) == set(nginx.pages)
    again = frontier_job(arguments=arguments, settings=settings)
    assert not crawled(again, nginx, workers=1)
    assert {item["url"] for item in again.items()} == {nginx.url + path for path in nginx.pages}


def test_files_are_fetched_by_scrapys_pipeline_and_kept_on_the_workers_disk(frontier_job, tmp_path):
    files = {f"/file-{n}.bin": bytes([n]) * 1000 for n in range(3)}
    settings = {"FILES_STORE": str(tmp_path / "files")}
    with nginx_site(linked_pages(3) | files) as site:
        job = frontier_job(spider="keeping", arguments={"base": site.url}, settings=settings)
        assert crawled(job, site) == dict.fromkeys(site.pages, 1)
    kept = {entry["url"].rpartition("/")[2]: entry["checksum"] for item in job.items() for entry in item["files"]}
    assert kept == {path[1:]: hashlib.md5(body, usedforsecurity=False).hexdigest() for path, body in files.items()}
    assert len([file for file in (tmp_path / "files").rglob("*") if file.is_file()]) == 3


def test_a_proxy_of_meta_travels_with_its_request(frontier_job, nginx):
    arguments = {"start": f"http://nowhere.test{page_path(0)}", "proxy": nginx.url}
    job = frontier_job(spider="proxied", arguments=arguments)
    assert set(crawled(job, nginx)) == set(nginx.pages)
    assert {item["url"] for item in job.items()} == {"http://nowhere.test" + path for path in nginx.pages}


@pytest.mark.parametrize("depth", [1, 2])
def test_the_depth_travels_with_its_request(frontier_job, nginx, depth):
    settings = {"DEPTH_LIMIT": str(depth)}
    job = frontier_job(arguments={"start": nginx.url + page_path(0)}, settings=settings)
    assert set(crawled(job, nginx)) == {page_path(n) for n in range(sum(4**level for level in range(depth + 1)))}


def test_every_row_of_the_table_names_a_test_that_is_there():
    rows = [line for line in TABLE.read_text().splitlines() if line.startswith("| ")][1:]
    named = [re.fullmatch(r"`(test_\w+)`", row.split("|")[-2].strip()) for row in rows]
    there = set(
        re.findall(
            r"^(?:async )?def (test_\w+)",
            "".join(map(Path.read_text, TABLE.parents[1].glob("tests/worker/**/*.py"))),
            re.M,
        )
    )
    assert len(rows) > 20
    assert [row for row, name in zip(rows, named, strict=True) if name is None or name[1] not in there] == []
