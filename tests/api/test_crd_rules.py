"""The CRD held against our own habits: each rule has a case, each field words and bounds."""

import re
from collections import Counter

from crawlfleet_worker.settings import RESERVED, RESERVED_PREFIX
from tests.api import oversized
from tests.api.crawljobs import REPOSITORY, crd_nodes, crd_rules, load_cases, rule_with

CONTRACT = REPOSITORY / "docs" / "contract.md"


def test_every_rule_is_hit_by_a_case() -> None:
    named = {rule_with(case["rule"]).message for case in _cases_with_a_rule()}
    assert [rule for rule in crd_rules() if rule.message not in named] == []


def test_no_two_rules_say_the_same() -> None:
    assert [said for said, times in Counter(rule.message for rule in crd_rules()).items() if times > 1] == []


def test_every_field_is_described() -> None:
    assert [path for path, node in crd_nodes() if not path.endswith("[*]") and not _described(path, node)] == []


def test_everything_is_bounded() -> None:
    assert [path for path, node in crd_nodes() if not _bounded(node)] == []


def test_nothing_unknown_is_kept() -> None:
    assert [path for path, node in crd_nodes() if "x-kubernetes-preserve-unknown-fields" in node] == []


def test_the_variables_of_the_contract_are_refused_and_no_others() -> None:
    environment = CONTRACT.read_text(encoding="utf-8").partition("## Exit codes")[0]
    in_contract = set(re.findall(r"^\| `(CRAWLFLEET_\w+)` \|", environment, re.MULTILINE))
    refused = set(re.findall(r"'(CRAWLFLEET_\w+)'", rule_with("the operator sets this variable").rule))
    assert in_contract
    assert refused == in_contract


def test_the_worker_reserves_the_same_settings() -> None:
    rules = " ".join(rule.rule for rule in crd_rules() if rule.path == "spec.spider.settings")
    refused = set(re.findall(r"'([A-Z_]+)'", rules)) - {RESERVED_PREFIX}
    assert f"startsWith('{RESERVED_PREFIX}')" in rules
    assert refused == set(RESERVED)


def test_the_phases_of_the_contract_are_the_phases_of_the_status() -> None:
    (line,) = re.findall(r"^Phases: (.*)\.$", CONTRACT.read_text(encoding="utf-8"), re.MULTILINE)[-1:]
    assert dict(crd_nodes())["status.phase"]["enum"] == re.findall(r"`(\w+)`", line)


def _cases_with_a_rule() -> list[dict[str, str]]:
    cases = load_cases("refused_by_rule") + oversized.BY_RULE + load_cases("transitions")
    return [case for case in cases if "rule" in case]


def _described(path: str, node: dict[str, object]) -> bool:
    scalar_item = path.endswith("[]") and node["type"] != "object"
    of_kubernetes = path == "metadata"
    return scalar_item or of_kubernetes or bool(node.get("description"))


def _bounded(node: dict[str, object]) -> bool:
    match node.get("type"):
        case "array":
            return "maxItems" in node
        case "object" if "additionalProperties" in node:
            return "maxProperties" in node
        case "string":
            return bool({"maxLength", "enum", "format"} & node.keys())
    return True
