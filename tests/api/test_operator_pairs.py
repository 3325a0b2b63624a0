"""Operators beside each other on one API server: who wrote which object, by the audit log, pair by pair.

The operator of class `tests` crawls alone first, before there is any other. Then the same four jobs are there three
times in one namespace: for `tests`, for `green`, and for `twin`, a class that two operators serve who know nothing of
each other.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

import pytest

from tests.api.audit_log import Request
from tests.api.job_set import CRAWLS, JobSet
from tests.api.operator_process import OperatorProcess
from tests.api.stage import SHARED, Stage

pytest_plugins = ["tests.api.operator_fixtures"]

OPERATORS = {SHARED: SHARED, "green": "green", "twin-1": "twin", "twin-2": "twin"}
"""Operators with their classes."""
STRANGERS = [(one, other) for one, other in permutations(OPERATORS, 2) if OPERATORS[one] != OPERATORS[other]]

Footprint = set[tuple[str, str, str]]
"""Verb, resource and name of what an operator changed; without the class that the name begins with."""


@dataclass(frozen=True)
class Together:
    """A run with four operators."""

    alone: list[Request]
    """What the one wrote, in the run before."""
    operators: dict[str, OperatorProcess]
    jobs: dict[str, JobSet]
    since: int
    """Where it begins in the audit log."""

    def changes(self, operator: str) -> list[Request]:
        """Return all that an operator asked to change, Events too; of the shared one, in this namespace."""
        changes = self.operators[operator].changes(self.since)
        return [each for each in changes if operator != SHARED or each.namespace == self.namespace]

    def writes(self, operator: str) -> list[Request]:
        """Return the same without Events."""
        return [each for each in self.changes(operator) if each.is_write]

    @property
    def namespace(self) -> str:
        """Where the jobs are."""
        return self.jobs[SHARED].scene.namespace


def begin_alone(stage: Stage) -> list[Request]:
    """Let one operator crawl to the end while there is no other; returns what it wrote."""
    jobs = JobSet(stage.scene(), SHARED)
    jobs.create()
    jobs.assert_ended_well()
    writes = stage.operator.writes()
    stage.leave(jobs.scene)
    return writes


def begin(stage: Stage) -> Together:
    """Start the others beside it, and give each class the same jobs in one namespace."""
    alone: list[Request] = stage.alone(__name__)
    others = {name: stage.start_operator(OPERATORS[name], name) for name in OPERATORS if name != SHARED}
    since, scene = stage.operator.mark(), stage.scene()
    jobs = {operator_class: JobSet(scene, operator_class) for operator_class in sorted(set(OPERATORS.values()))}
    for each in jobs.values():
        each.create()
    return Together(alone, {SHARED: stage.operator, **others}, jobs, since)


@pytest.fixture(scope="module")
def together(stage: Stage, begun: Together) -> Iterator[Together]:
    """The run with four, at its end."""
    for jobs in begun.jobs.values():
        jobs.assert_ended_well()
    yield begun
    stage.leave(begun.jobs[SHARED].scene)


def class_of(request: Request) -> str:
    """Return the class of the job that a request is about: names of jobs, of children and of Events begin with it."""
    return request.name.partition("-")[0]


def footprint(writes: list[Request]) -> Footprint:
    return {(write.verb, write.resource, write.name.partition("-")[2]) for write in writes}


def done(request: Request) -> bool:
    return request.code < 300


@pytest.mark.parametrize(("one", "other"), STRANGERS)
def test_neither_writes_to_an_object_of_the_other(together: Together, one: str, other: str) -> None:
    foreign = [str(each) for each in together.changes(one) if class_of(each) == OPERATORS[other]]
    assert foreign == []


@pytest.mark.parametrize("one", OPERATORS)
def test_each_writes_to_objects_of_its_own_class(together: Together, one: str) -> None:
    changes = together.changes(one)
    assert {class_of(each) for each in changes} == {OPERATORS[one]}
    twin = {"crawljobs/status"}  # the other may have been first with all the rest
    own = twin if OPERATORS[one] == "twin" else {*twin, "deployments", "statefulsets", "secrets", "events"}
    assert own <= {each.resource for each in changes}
    assert {each.namespace for each in changes} == {together.namespace}


@pytest.mark.parametrize("one", [SHARED, "green"])
def test_it_does_beside_others_what_one_does_alone(together: Together, one: str) -> None:
    assert footprint(together.writes(one)) == footprint(together.alone)


def test_twins_do_together_what_one_does_alone(together: Together) -> None:
    both = together.writes("twin-1") + together.writes("twin-2")
    assert footprint(both) == footprint(together.alone)
    made = Counter((each.resource, each.name) for each in both if each.verb == "create" and done(each))
    assert set(made.values()) == {1}


@pytest.mark.parametrize("operator_class", [SHARED, "green", "twin"])
@pytest.mark.parametrize("kind", CRAWLS)
def test_a_job_takes_the_same_way(together: Together, operator_class: str, kind: str) -> None:
    phases, reasons = together.jobs[operator_class].way(kind)
    seeding = ["Seeding"] if "Seeding" in reasons and kind == "spider" else []
    assert reasons == ["Starting", *seeding, "Idle", "Finished"]
    assert phases == ["Pending", "Running", "Complete"]


def test_nothing_is_deleted(together: Together) -> None:
    writes = [each for name in OPERATORS for each in together.writes(name)]
    assert [str(each) for each in writes if each.verb.startswith("delete")] == []


@pytest.mark.parametrize("one", OPERATORS)
def test_no_reconcile_fails(together: Together, one: str) -> None:
    assert together.operators[one].metrics()['crawlfleet_operator_reconciles_total{result="failed"}'] == 0
