"""Bad manifests that are too long to write down, in the form of manifests/refused_by_*.yaml."""

from typing import Any, Final


def _seeds(urls: list[str]) -> dict[str, Any]:
    return {"spec": {"seeds": {"type": "Inline", "inline": {"urls": urls}}}}


BY_SCHEMA: Final[list[dict[str, Any]]] = [
    {
        "case": "too many seeds",
        "patch": _seeds([f"https://a.example/{number}" for number in range(1001)]),
        "field": "spec.seeds.inline.urls",
        "message": "must have at most 1000 items",
    },
    {
        "case": "a seed too long",
        "patch": _seeds(["https://a.example/" + "a" * 2048]),
        "field": "spec.seeds.inline.urls[0]",
        "message": "may not be more than 2048 bytes",
    },
    {
        "case": "too many arguments",
        "patch": {"spec": {"spider": {"arguments": {f"a{number}": "" for number in range(65)}}}},
        "field": "spec.spider.arguments",
        "message": "must have at most 64 items",
    },
    {
        "case": "a setting too long",
        "patch": {"spec": {"spider": {"settings": {"USER_AGENT": "a" * 4097}}}},
        "field": "spec.spider.settings.USER_AGENT",
        "message": "may not be more than 4096 bytes",
    },
    {
        "case": "too many variables",
        "patch": {"spec": {"workers": {"env": [{"name": f"A{number}", "value": ""} for number in range(101)]}}},
        "field": "spec.workers.env",
        "message": "must have at most 100 items",
    },
]

BY_RULE: Final[list[dict[str, Any]]] = [
    {
        "case": "more seeds than one object holds",
        "patch": _seeds([f"https://a.example/{number:0983}" for number in range(1000)]),
        "rule": "more than 1,000,000 characters together",
        "field": "spec.seeds.inline.urls",
    },
]
