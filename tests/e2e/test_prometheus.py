"""What Prometheus says of a crawl on the node is what the site's log, Redis, the items and the API say."""

import base64
import time
from pathlib import Path

from crawlfleet_frontier import JobKeys
from demo.prometheus import SCRAPE_SECONDS, scraping
from tests.e2e.crawls import Crawls, eventually
from tests.e2e.site import Site


def test_the_metrics_equal_the_sites_log_redis_and_the_api(
    crawls: Crawls, operator: str, site: Site, tmp_path: Path
) -> None:
    settings = {"DOWNLOAD_TIMEOUT": "3", "RETRY_TIMES": "1", "ROBOTSTXT_OBEY": "False"}
    spider = {"name": "generic", "settings": settings}
    before = len(site.log())
    with scraping(crawls.kube, operator, tmp_path) as prometheus:
        labels = f'namespace="{crawls.namespace}",crawljob="errors"'

        def number(metric: str, more: str = "") -> float | None:
            return prometheus.value(f"sum(crawlfleet_crawljob_{metric}{{{labels}{more}}})")

        crawls.apply(crawls.manifest("errors", [site.url("/planted"), site.url("/p/100")], spider=spider))
        crawls.wait("errors", "Complete", "True", seconds=150)
        time.sleep(2 * SCRAPE_SECONDS)  # Prometheus tells of no scrape by itself
        log = site.log()[before:]
        answered = [entry for entry in log if entry["status"] != 499]
        for digit in "2345":
            expected = sum(1 for entry in answered if str(entry["status"]).startswith(digit))
            assert number("pages_total", f',status_class="{digit}xx"') == expected, f"{digit}xx of {log}"
        assert number("response_bytes_total") == sum(entry["bytes"] for entry in answered)
        assert number("errors_total", ',kind="timeout"') == len(log) - len(answered) > 0
        assert number("errors_total", ',kind="http_5xx"') == 2
        assert number("errors_total", ',kind="http_4xx"') == 2
        items = _redis(crawls, "errors", "LLEN", "items")
        assert number("items_total") == number("stored_items") == int(items) > 0
        assert number("seen_requests") == int(_redis(crawls, "errors", "SCARD", "dupefilter"))
        assert number("queued_requests") == number("in_flight_requests") == 0
        eventually(lambda: number("workers_ready") == 0, 30, lambda: "workers remain")
        used = float(_redis(crawls, "errors", "INFO", "").split("used_memory:")[1].split()[0])
        assert abs((number("redis_memory_bytes") or 0) - used) < 0.1 * used
        crawls.delete("errors")
        eventually(lambda: not prometheus.query(f"crawlfleet_crawljob_phase{{{labels}}}"), 30, lambda: "series remain")


def _redis(crawls: Crawls, job: str, command: str, key: str) -> str:
    """Ask the job's Redis, in its pod."""
    secret = crawls.kube.json("get", "secret", f"{job}-redis", "-n", crawls.namespace)["data"]["password"]
    keys = JobKeys(crawls.get(job)["metadata"]["uid"])
    argument = {"items": keys.items, "dupefilter": keys.dupefilter, "": "memory"}[key]
    return crawls.kube.run(
        *("exec", "-n", crawls.namespace, f"{job}-redis-0", "--", "redis-cli", "--no-auth-warning"),
        *("-a", base64.b64decode(secret).decode(), command, argument),
    ).strip()
