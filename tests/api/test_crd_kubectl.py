"""What a person at the terminal sees of a CrawlJob: the columns, the manual, the refusal of a typo."""

import pytest

from cluster.control_plane import ControlPlane
from cluster.errors import CommandError
from cluster.run import wait_until
from tests.api.crawljobs import REPOSITORY, Client, merged

STATUS = {
    "phase": "Blocked",
    "workers": {"replicas": 2, "ready": 1},
    "frontier": {"queued": 1200, "inFlight": 16, "done": 51000, "errors": 31},
    "conditions": [
        {
            "type": "Progressing",
            "status": "False",
            "reason": "Unschedulable",
            "message": "0/1 nodes are available",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
    ],
}


def test_the_columns(plane: ControlPlane, crawljobs: Client) -> None:
    crawljobs.create(merged({}))
    crawljobs.patch("books", {"status": STATUS}, part="_status")
    header, row = plane.kubectl("get", "crawl", "-n", crawljobs.namespace).stdout.splitlines()
    assert header.split() == ["NAME", "PHASE", "WORKERS", "QUEUED", "IN-FLIGHT", "DONE", "ERRORS", "AGE"]
    assert row.split()[:-1] == ["books", "Blocked", "1", "1200", "16", "51000", "31"]


def test_the_wide_columns_say_why(plane: ControlPlane, crawljobs: Client) -> None:
    crawljobs.create(merged({}))
    crawljobs.patch("books", {"status": STATUS}, part="_status")
    header, row = plane.kubectl("get", "crawl", "-n", crawljobs.namespace, "-o", "wide").stdout.splitlines()
    assert header.split()[-3:] == ["REASON", "MESSAGE", "IMAGE"]
    assert "Unschedulable   0/1 nodes are available   registry.example/acme/books-spiders:1.4" in row


def test_crawljobs_are_in_their_category(plane: ControlPlane, crawljobs: Client) -> None:
    crawljobs.create(merged({}))
    named = plane.kubectl("get", "crawlfleet", "-n", crawljobs.namespace, "-o", "name").stdout.split()
    assert named == ["crawljob.crawlfleet.io/books"]


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("crawljob", "one crawl: a Scrapy spider"),
        ("crawljob.spec", "Only image and spider.name have to be given"),
        ("crawljob.spec.engine", "Default: Frontier"),
        ("crawljob.spec.politeness.overrides", "The most specific name counts"),
        ("crawljob.spec.scaling", "Who decides how many workers there are, a union by type"),
        ("crawljob.spec.scaling.queue.targetDrainSeconds", "In how many seconds the present queue should be empty"),
        ("crawljob.spec.redis.external.urlSecretRef", "holds the URL"),
        ("crawljob.status.conditions", "A blocked job is Progressing=False"),
    ],
)
def test_explain_is_a_manual(plane: ControlPlane, field: str, words: str) -> None:
    def explained() -> bool:
        """The API server publishes the schema some moments after the CRD is established."""
        return words in " ".join(plane.kubectl("explain", field, check=False).stdout.split())

    wait_until(explained, f"the words of kubectl explain {field}", timeout=30)


def test_kubectl_apply_refuses_a_typo(plane: ControlPlane, crawljobs: Client) -> None:
    manifest = (REPOSITORY / "examples" / "crawljobs" / "quotes.yaml").read_text(encoding="utf-8")
    typo = manifest.replace("  image:", "  imgae:")
    with pytest.raises(CommandError, match=r'unknown field "spec.imgae"'):
        plane.kubectl("apply", "-n", crawljobs.namespace, "-f", "-", stdin=typo)
    assert crawljobs.names() == []
