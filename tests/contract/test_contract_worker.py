"""docs/contract.md against the operator on one side and the worker on the other: environment and exit codes."""

import json
import re

import pytest

from crawlfleet.children import worker as worker_children
from crawlfleet.diagnose import WORKER_EXITS
from crawlfleet.names import WORKER_CONTAINER
from crawlfleet_worker import contract, exits
from tests import builders as b
from tests.contract.tables import plain, table

EXITS = table("contract.md", "code")


def container(spec=None):
    (found,) = worker_children.deployment(b.job(spec), 1)["spec"]["template"]["spec"]["containers"]
    assert found["name"] == WORKER_CONTAINER
    return found


def documented_variables():
    return [plain(row["variable"]) for row in table("contract.md", "variable")]


def test_the_operator_sets_the_variables_of_the_table():
    assert sorted(entry["name"] for entry in container()["env"]) == sorted(documented_variables())


def test_the_worker_reads_the_variables_of_the_table():
    assert sorted(contract.VARIABLES) == sorted(documented_variables())


def test_the_users_variables_are_added():
    env = container({"workers": {"env": [{"name": "API_KEY", "value": "x"}]}})["env"]
    assert env[-1] == {"name": "API_KEY", "value": "x"}
    assert len(env) == len(documented_variables()) + 1


def environment(spec):
    """What the kubelet makes of the container's variables."""
    cluster = {"CRAWLFLEET_POD_UID": "pod-1", "CRAWLFLEET_REDIS_URL": "redis://:x@books-redis.crawls.svc:6379/0"}
    entries = container(spec)["env"]
    assert {entry["name"] for entry in entries if "valueFrom" in entry} == cluster.keys()
    return {entry["name"]: entry.get("value") or cluster[entry["name"]] for entry in entries}


@pytest.mark.parametrize(
    ("spec", "seeds"),
    [
        ({}, contract.Seeds("Spider")),
        (b.INLINE, contract.Seeds("Inline")),
        (b.REDIS_KEY, contract.Seeds("RedisKey", "books:start_urls")),
    ],
)
def test_the_worker_understands_what_the_operator_sets(spec, seeds):
    spider = {"name": "books", "arguments": {"category": 'ü, "x"'}, "settings": {"DOWNLOAD_TIMEOUT": "20"}}
    read = contract.read_contract(environment({**spec, "spider": spider}))
    assert (read.job_uid, read.job_name, read.namespace, read.pod_uid) == (b.UID, "books", "crawls", "pod-1")
    assert read.redis_url.startswith("redis://")
    assert (read.spider, dict(read.arguments), dict(read.settings)) == (
        "books",
        spider["arguments"],
        spider["settings"],
    )
    assert read.seeds == seeds
    assert read.grace_seconds == 60


@pytest.mark.parametrize("missing", contract.VARIABLES)
def test_a_missing_variable_is_the_contract_broken(missing):
    values = {name: value for name, value in environment({}).items() if name != missing}
    with pytest.raises(exits.WorkerExit, match=missing) as ended:
        contract.read_contract(values)
    assert ended.value.code == 64


def test_the_command():
    assert container()["command"] == ["crawlfleet-worker"]


def pascal(name):
    return "".join(part.capitalize() for part in name.split("_"))


def test_the_workers_exit_codes_are_those_of_the_table():
    documented = {int(row["code"]): row["name"] for row in EXITS}
    assert {code.value: pascal(code.name) for code in exits.ExitCode} == documented


def test_the_operators_exit_codes_are_those_of_the_table():
    documented = {int(row["code"]): (row["name"], row["fatal"] == "yes") for row in EXITS if row["code"] != "0"}
    assert {code: (exit_.reason.value, exit_.fatal) for code, exit_ in WORKER_EXITS.items()} == documented


def test_seeds_in_the_table_are_seeds_that_the_worker_reads():
    (row,) = (row for row in table("contract.md", "variable") if plain(row["variable"]) == "CRAWLFLEET_SEEDS")
    examples = re.findall(r"`(\{.*?\})`", row["meaning"])
    assert [json.loads(example)["type"] for example in examples] == ["Spider", "Inline", "RedisKey"]
