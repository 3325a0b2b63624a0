"""What of a stored CrawlJob may change, and what is refused with the mend."""

from typing import Any

import pytest

from tests.api.crawljobs import Client, Refused, load_cases, merged, rule_with

CASES = load_cases("transitions")
ACCEPTED = [case for case in CASES if "rule" not in case]
REFUSED = [case for case in CASES if "rule" in case]


def store(crawljobs: Client, case: dict[str, Any]) -> str:
    """Create the case's CrawlJob and give it its status."""
    name: str = crawljobs.create(merged(case.get("stored", {})))["metadata"]["name"]
    if "status" in case:
        crawljobs.patch(name, {"status": case["status"]}, part="_status")
    return name


@pytest.mark.parametrize("case", ACCEPTED, ids=lambda case: case["case"])
def test_a_mend_is_accepted(crawljobs: Client, case: dict[str, Any]) -> None:
    name = store(crawljobs, case)
    generation = crawljobs.get(name)["metadata"]["generation"]
    assert crawljobs.patch(name, case["change"])["metadata"]["generation"] == generation + 1


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case["case"])
def test_a_change_is_refused(crawljobs: Client, case: dict[str, Any]) -> None:
    name = store(crawljobs, case)
    before = crawljobs.get(name)
    with pytest.raises(Refused) as refused:
        crawljobs.patch(name, case["change"])
    assert refused.value.says(case["field"], rule_with(case["rule"]).message), refused.value
    assert crawljobs.get(name) == before


def test_a_forged_status_does_not_unlock_the_spider(crawljobs: Client) -> None:
    name = store(crawljobs, {"status": {"frontier": {"done": 7}}})
    forged = crawljobs.get(name)
    forged["spec"]["spider"]["name"] = "bookshop"
    forged["status"] = {"frontier": {"done": 0}}
    with pytest.raises(Refused, match="can only be mended until the first request is done"):
        crawljobs.replace(name, forged)
    assert crawljobs.get(name)["status"]["frontier"]["done"] == 7


def test_the_status_moves_on_while_the_spider_is_locked(crawljobs: Client) -> None:
    name = store(crawljobs, {"status": {"frontier": {"done": 7}}})
    crawljobs.patch(name, {"status": {"frontier": {"done": 8}}}, part="_status")
    assert crawljobs.get(name)["status"]["frontier"]["done"] == 8


def test_an_update_of_the_spec_leaves_the_status_alone(crawljobs: Client) -> None:
    name = store(crawljobs, {"status": {"phase": "Running"}})
    crawljobs.patch(name, {"spec": {"suspend": True}, "status": {"phase": "Failed"}})
    assert crawljobs.get(name)["status"]["phase"] == "Running"
