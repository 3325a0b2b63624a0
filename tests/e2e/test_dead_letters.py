"""Dead letters on the node: listed and replayed by the command in the worker's image, replayed by the CrawlJob."""

from tests.e2e.crawls import Crawls, eventually
from tests.e2e.site import Site

NAME = "given-up"
LOST = "/hang/letter"
SPEC = {
    "engine": "Frontier",
    "spider": {"name": "generic", "settings": {"DOWNLOAD_TIMEOUT": "1", "RETRY_ENABLED": "False"}},
    "workers": {"replicas": 1},
    "scaling": {"type": "Fixed"},
    "politeness": {"default": {"delayMilliseconds": 0, "robots": "Ignore"}},
    "completion": {"idleSeconds": 120},
}


def test_what_was_given_up_is_listed_and_replayed(crawls: Crawls, site: Site) -> None:
    crawls.apply(crawls.manifest(NAME, [site.url(LOST), site.url("/p/1000")], **SPEC))
    eventually(lambda: _dead(crawls) == 1, 90, lambda: f"no dead letter: {crawls.get(NAME).get('status')}")
    assert "No dead letters that fit" in _command(crawls, "list", "--reason", "Http5xx")
    listed = _command(crawls, "list", "--reason", "Timeout", "--host", "*.e2e-site")
    assert site.url(LOST) in listed
    assert _command(crawls, "replay", "--reason", "Timeout") == "1 requests are queued again."
    eventually(lambda: _given_up_again(crawls, listed), 30, lambda: _command(crawls, "list"))
    listed = _command(crawls, "list")
    crawls.patch(NAME, {"replay": {"token": "1", "reasons": ["Timeout"]}})
    eventually(lambda: _given_up_again(crawls, listed), 30, lambda: _command(crawls, "list"))
    assert [entry["uri"] for entry in site.log()].count(LOST) == 3


def _dead(crawls: Crawls) -> int:
    return int(crawls.get(NAME)["status"]["frontier"]["dead"])


def _given_up_again(crawls: Crawls, before: str) -> bool:
    """Whether the letter is there once more, with a later time."""
    listed = _command(crawls, "list")
    return LOST in listed and listed != before


def _command(crawls: Crawls, *arguments: str) -> str:
    worker = ("exec", f"deploy/{NAME}-worker", "-n", crawls.namespace, "--")
    return crawls.kube.run(*worker, "crawlfleet-dead-letters", *arguments).strip()
