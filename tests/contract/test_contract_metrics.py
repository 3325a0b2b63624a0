"""docs/contract.md against what the operator serves and what the worker counts: metrics, phases, counters."""

import re

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from crawlfleet import measures
from crawlfleet.conditions import ConditionType
from crawlfleet_frontier import counters
from crawlfleet_worker import counting, failures
from tests import builders as b
from tests.contract.tables import DOCS, listed, plain, table

DOCUMENTED = {plain(row["metric"]): row for row in table("contract.md", "metric")}


def families():
    """Everything the operator serves, of a job that has something of everything."""
    taken = measures.Measures(CollectorRegistry(), lambda: 0)
    job = b.job(conditions=(b.CRAWLING,), status={"phase": "Running", "completionTime": b.stamp()})
    taken.observed(job, b.observed(job, b.answer(1)))
    frontier = b.job(b.FRONTIER, name="frontier", uid="frontier")
    pages = {"fast_pages:URLS": 2, "fallback_pages:URLS:odd_url": 1}
    look = b.frontier_answer(1, ledger_parts={"bloom_fill": 0.5}, counters=pages)
    taken.observed(frontier, b.observed(frontier, look))
    taken.failed(OSError())
    return list(text_string_to_metric_families(generate_latest(taken.registry).decode()))


def served_name(family):
    return f"{family.name}_total" if family.type == "counter" else family.name


SERVED = {served_name(family): family for family in families() if not served_name(family).endswith("_created")}


def test_the_operator_serves_the_metrics_of_the_table():
    assert sorted(SERVED) == sorted(DOCUMENTED)


@pytest.mark.parametrize("name", sorted(DOCUMENTED))
def test_type_labels_and_help(name):
    family = SERVED[name]
    assert family.type == DOCUMENTED[name]["type"]
    assert family.documentation
    labels = set(listed(DOCUMENTED[name]["further labels"]))
    if name.startswith("crawlfleet_crawljob_"):
        labels |= {"namespace", "crawljob"}
    assert family.samples
    for sample in family.samples:
        assert set(sample.labels) - {"le"} == labels


def test_the_kinds_of_errors():
    documented = re.findall(r"`([a-z0-9_]+)`", DOCUMENTED["crawlfleet_crawljob_errors_total"]["meaning"])
    assert tuple(documented) == counters.ERROR_KINDS
    assert {sample.labels["kind"] for sample in SERVED["crawlfleet_crawljob_errors_total"].samples} == set(documented)
    assert failures.kind_of(ValueError("no error of the network")) in counters.ERROR_KINDS


@pytest.mark.parametrize("status", [100, 200, 301, 404, 500, 599, 700, 999])
def test_status_classes(status):
    assert counting.status_class(status) in counters.STATUS_CLASSES


def test_the_phases():
    text = (DOCS / "contract.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"^Phases: (`Pending`.*)\.$", text, re.MULTILINE)
    assert tuple(listed(line)) == measures.PHASES


def test_the_results_of_reconciles():
    documented = re.findall(r"`([a-z]+)`", DOCUMENTED["crawlfleet_operator_reconciles_total"]["meaning"])
    samples = SERVED["crawlfleet_operator_reconciles_total"].samples
    assert sorted(sample.labels["result"] for sample in samples) == sorted(documented)


def test_the_label_condition_has_the_names_of_the_conditions():
    types = {sample.labels["condition"] for sample in SERVED["crawlfleet_crawljob_condition"].samples}
    assert types <= {type_.value for type_ in ConditionType}
