"""Every bad manifest is refused by a real API server, at its field, with the mend; nothing is stored."""

from typing import Any

import pytest

from tests.api import oversized
from tests.api.crawljobs import Client, Refused, load_cases, merged, rule_with

BY_SCHEMA = load_cases("refused_by_schema") + oversized.BY_SCHEMA
BY_RULE = load_cases("refused_by_rule") + oversized.BY_RULE
TYPOS = load_cases("typos")


def test_there_are_enough_of_them() -> None:
    assert len(BY_SCHEMA) + len(BY_RULE) >= 60
    assert len(BY_RULE) >= 30


@pytest.mark.parametrize("case", BY_SCHEMA, ids=lambda case: case["case"])
def test_the_schema_refuses(crawljobs: Client, case: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        crawljobs.create(merged(case["patch"]))
    assert refused.value.says(case["field"], case["message"]), refused.value
    assert crawljobs.names() == []


@pytest.mark.parametrize("case", BY_RULE, ids=lambda case: case["case"])
def test_a_rule_refuses(crawljobs: Client, case: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        crawljobs.create(merged(case["patch"]))
    assert refused.value.says(case["field"], rule_with(case["rule"]).message), refused.value
    assert crawljobs.names() == []


@pytest.mark.parametrize("case", TYPOS, ids=lambda case: case["case"])
def test_strict_validation_refuses_a_typo(crawljobs: Client, case: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        crawljobs.create(merged(case["patch"]), field_validation="Strict")
    assert f'unknown field "{case["field"]}"' in refused.value.message
    assert crawljobs.names() == []
