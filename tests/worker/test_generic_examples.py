"""Do the examples' ConfigMaps hold rules that the generic spider reads as they are meant?"""

from pathlib import Path

import pytest
import yaml
from scrapy.http import HtmlResponse

from crawlfleet_worker.generic import VARIABLE
from crawlfleet_worker.generic_config import GenericConfig, parse_config

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((REPOSITORY / "examples").glob("*/*.yaml"))

LINKS = [
    "https://docs.example/handbook/",
    "https://docs.example/handbook/apt.html#top",
    "https://docs.example/about.html",
    "https://docs.example/search?q=1",
]


def configured() -> list[tuple[str, str]]:
    """Return file name and rules of each example whose CrawlJob takes its rules from a ConfigMap beside it."""
    found = []
    for file in EXAMPLES:
        documents = list(yaml.safe_load_all(file.read_text(encoding="utf-8")))
        maps = {each["metadata"]["name"]: each["data"] for each in documents if each["kind"] == "ConfigMap"}
        for job in (each for each in documents if each["kind"] == "CrawlJob"):
            found += [(file.name, maps[name][key]) for name, key in _references(job)]
    return found


def _references(job: dict) -> list[tuple[str, str]]:
    variables = [each for each in job["spec"].get("workers", {}).get("env", []) if each["name"] == VARIABLE]
    references = [each["valueFrom"]["configMapKeyRef"] for each in variables]
    return [(reference["name"], reference["key"]) for reference in references]


def followed(config: GenericConfig) -> list[str]:
    body = "".join(f'<a href="{link}">a</a>' for link in LINKS)
    page = HtmlResponse("https://docs.example/", body=f"<html><main>{body}</main></html>", encoding="utf-8")
    return [link.url for rule in config.follow for link in rule.extractor.extract_links(page)]


@pytest.mark.parametrize(("name", "text"), configured(), ids=[name for name, _ in configured()])
def test_the_rules_of_an_example_are_read(name: str, text: str) -> None:
    config = parse_config(text)
    assert config.follow
    assert config.fields["title"].css == "title::text"


def test_the_rules_of_both_examples_are_found() -> None:
    assert [name for name, _ in configured()] == ["generic-spider.yaml", "crawljob.yaml"]


def test_the_example_follows_its_handbook_alone() -> None:
    assert followed(parse_config(dict(configured())["generic-spider.yaml"])) == LINKS[:2]
