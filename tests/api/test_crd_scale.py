"""The scale subresource: what kubectl scale, a HorizontalPodAutoscaler and KEDA write and read."""

from typing import Any

import pytest

from cluster.control_plane import ControlPlane
from tests.api.crawljobs import Client, Refused, merged, rule_with

FOLLOWS_QUEUE = rule_with("workers.replicas follows the queue").message


@pytest.mark.parametrize("scaling", ["Fixed", "External"])
def test_scale_sets_the_workers(crawljobs: Client, scaling: str) -> None:
    crawljobs.create(merged({"spec": {"scaling": {"type": scaling}}}))
    assert crawljobs.patch("books", {"spec": {"replicas": 4}}, part="_scale")["spec"]["replicas"] == 4
    assert crawljobs.get("books")["spec"]["workers"]["replicas"] == 4


def test_scale_is_refused_while_the_queue_decides(crawljobs: Client) -> None:
    crawljobs.create(merged({}))
    with pytest.raises(Refused) as refused:
        crawljobs.patch("books", {"spec": {"replicas": 4}}, part="_scale")
    assert FOLLOWS_QUEUE in refused.value.message
    assert crawljobs.get("books")["spec"]["workers"]["replicas"] == 1


def test_scale_beyond_the_bound_is_refused(crawljobs: Client) -> None:
    crawljobs.create(merged({"spec": {"scaling": {"type": "External"}}}))
    with pytest.raises(Refused, match="less than or equal to 1000"):
        crawljobs.patch("books", {"spec": {"replicas": 1001}}, part="_scale")


def test_scale_reads_the_status(crawljobs: Client) -> None:
    crawljobs.create(merged({"spec": {"scaling": {"type": "External"}}}))
    workers = {"replicas": 3, "ready": 2, "desired": 4, "selector": "crawlfleet.io/job-uid=1"}
    crawljobs.patch("books", {"status": {"workers": workers}}, part="_status")
    scale: dict[str, Any] = crawljobs.patch("books", {"spec": {"replicas": 4}}, part="_scale")
    assert scale["status"] == {"replicas": 3, "selector": "crawlfleet.io/job-uid=1"}


def test_kubectl_scale_prints_the_mend(plane: ControlPlane, crawljobs: Client, shared_namespace: str) -> None:
    crawljobs.create(merged({}))
    answer = kubectl_fails(plane, "-n", shared_namespace, "scale", "crawl/books", "--replicas=4")
    assert FOLLOWS_QUEUE in answer


def kubectl_fails(plane: ControlPlane, *words: str) -> str:
    """Return what kubectl says when it fails."""
    with pytest.raises(Exception) as failed:  # noqa: PT011  (the words are judged by the caller)
        plane.kubectl(*words)
    return str(failed.value)
