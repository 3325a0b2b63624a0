"""What may the operator do, and what may it not? Asked of the real API server."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from cluster.control_plane import ControlPlane
from cluster.run import wait_until
from tests.chart.helm import render

OPERATOR = "system:serviceaccount:crawlfleet-system:{name}"

Question = tuple[str, str]
"""A verb, and a resource as `plural.group/subresource`."""

ALLOWED: dict[str, str] = {
    "crawljobs.crawlfleet.io": "get list watch patch delete",
    "crawljobs.crawlfleet.io/status": "patch",
    "deployments.apps": "get list watch create patch delete",
    "statefulsets.apps": "get list watch create patch",
    "services": "get list watch create patch",
    "secrets": "get create",
    "pods": "get list watch delete",
    "events": "list create",
}

REFUSED: dict[str, str] = {
    "crawljobs.crawlfleet.io": "create update deletecollection",
    "statefulsets.apps": "delete",
    "services": "delete",
    "secrets": "list watch patch update delete deletecollection",
    "pods": "create patch update deletecollection",
    "pods/exec": "create get",
    "pods/log": "get",
    "pods/eviction": "create",
    "persistentvolumeclaims": "get create delete patch",
    "events": "patch delete",
    "configmaps": "get list create",
    "serviceaccounts": "get create impersonate",
    "serviceaccounts/token": "create",
    "nodes": "get list",
    "namespaces": "get list create",
    "daemonsets.apps": "get create",
    "jobs.batch": "create",
    "customresourcedefinitions.apiextensions.k8s.io": "get list patch",
    "clusterroles.rbac.authorization.k8s.io": "get create bind escalate",
    "roles.rbac.authorization.k8s.io": "get create bind escalate",
    "users": "impersonate",
}

_WHOLE_CLUSTER_ONLY = {"nodes", "namespaces", "users", "customresourcedefinitions.apiextensions.k8s.io"}


@pytest.fixture(scope="module")
def everywhere(plane: ControlPlane) -> Iterator[str]:
    """The operator's user with the ClusterRole of the default values."""
    yield from _granted(plane, "wide", {})


@pytest.fixture(scope="module")
def in_one_namespace(plane: ControlPlane) -> Iterator[str]:
    """The operator's user where `watchNamespaces` is [watched]."""
    plane.kubectl("create", "namespace", "watched")
    yield from _granted(plane, "narrow", {"watchNamespaces": ["watched"]})


def _granted(plane: ControlPlane, name: str, values: dict[str, Any]) -> Iterator[str]:
    manifests = render(values | {"fullnameOverride": name, "rbac": {"userRoles": name == "wide"}})
    roles = json.dumps(
        {"apiVersion": "v1", "kind": "List", "items": [each for each in manifests if "Role" in each["kind"]]}
    )
    plane.kubectl("apply", "-f", "-", stdin=roles)
    yield OPERATOR.format(name=name)
    plane.kubectl("delete", "-f", "-", stdin=roles)


def test_it_may_do_its_work_in_every_namespace(plane: ControlPlane, everywhere: str) -> None:
    assert _answers(plane, everywhere, "anywhere", _questions(ALLOWED)) == dict.fromkeys(_questions(ALLOWED), True)


def test_it_may_do_nothing_more(plane: ControlPlane, everywhere: str) -> None:
    assert _answers(plane, everywhere, "anywhere", _questions(REFUSED)) == dict.fromkeys(_questions(REFUSED), False)


def test_with_watched_namespaces_it_may_do_the_same_there(plane: ControlPlane, in_one_namespace: str) -> None:
    assert all(_answers(plane, in_one_namespace, "watched", _questions(ALLOWED)).values())


def test_with_watched_namespaces_it_may_do_nothing_elsewhere(plane: ControlPlane, in_one_namespace: str) -> None:
    assert not any(_answers(plane, in_one_namespace, "other", _questions(ALLOWED)).values())
    assert not any(_answers(plane, in_one_namespace, "", _questions(ALLOWED)).values())


def test_kubectl_auth_can_i_says_the_same(plane: ControlPlane, everywhere: str) -> None:
    def can_i(*question: str) -> str:
        return plane.kubectl("auth", "can-i", f"--as={everywhere}", "-n", "any", *question, check=False).stdout.strip()

    assert can_i("patch", "deployments.apps") == "yes"
    assert can_i("list", "secrets") == "no"


@pytest.mark.parametrize(
    ("role", "allowed", "refused"),
    [
        ("view", ["get", "list", "watch"], ["create", "patch", "delete"]),
        ("edit", ["get", "list", "create", "patch", "delete"], []),
        ("admin", ["get", "list", "create", "patch", "delete"], []),
    ],
)
@pytest.mark.usefixtures("everywhere")
def test_users_get_crawljobs_with_the_roles_they_have(
    plane: ControlPlane, role: str, allowed: list[str], refused: list[str]
) -> None:
    user = f"{role}-user"
    plane.kubectl("create", "rolebinding", user, "-n", "default", f"--clusterrole={role}", f"--user={user}")
    questions = [(verb, "crawljobs.crawlfleet.io") for verb in (*allowed, *refused)]
    expected = {question: question[0] in allowed for question in questions}
    expected[("patch", "crawljobs.crawlfleet.io/status")] = False
    expected[("patch", "crawljobs.crawlfleet.io/scale")] = role != "view"
    assert _settled(plane, user, expected) == expected


def _settled(plane: ControlPlane, user: str, expected: dict[Question, bool]) -> dict[Question, bool]:
    """Ask until the controller that aggregates roles has done its part, for ten seconds at most."""
    answers: list[dict[Question, bool]] = []

    def as_expected() -> bool:
        answers.append(_answers(plane, user, "default", list(expected)))
        return answers[-1] == expected

    wait_until(as_expected, f"the roles of {user}", timeout=10)
    return answers[-1]


def _questions(table: dict[str, str]) -> list[Question]:
    return [(verb, resource) for resource, verbs in table.items() for verb in verbs.split()]


def _answers(plane: ControlPlane, user: str, namespace: str, questions: list[Question]) -> dict[Question, bool]:
    """Ask all in one call: a SubjectAccessReview each. An empty namespace asks for all of them."""
    items = [
        _review(user, "" if resource in _WHOLE_CLUSTER_ONLY else namespace, verb, resource)
        for verb, resource in questions
    ]
    text = "\n---\n".join(map(json.dumps, items))
    said = plane.kubectl("create", "-f", "-", "-o", "json", stdin=text).stdout
    return dict(zip(questions, (each["status"]["allowed"] for each in _documents(said)), strict=True))


def _documents(text: str) -> list[dict[str, Any]]:
    """Read JSON documents written one after the other, or a List."""
    decoder, rest = json.JSONDecoder(), text.strip()
    found: list[dict[str, Any]] = []
    while rest:
        document, end = decoder.raw_decode(rest)
        found += document["items"] if document["kind"] == "List" else [document]
        rest = rest[end:].strip()
    return found


def _review(user: str, namespace: str, verb: str, resource: str) -> dict[str, Any]:
    plain, _, subresource = resource.partition("/")
    plural, _, group = plain.partition(".")
    asked = {"namespace": namespace, "verb": verb, "group": group, "resource": plural, "subresource": subresource}
    groups = ["system:authenticated", "system:serviceaccounts"]
    spec = {"user": user, "groups": groups, "resourceAttributes": asked}
    return {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
