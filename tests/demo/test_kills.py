"""Whose worker the demo kills, and when: real processes, folders that look like /proc, pods as the API shows them."""

import subprocess
import sys

import pytest

from demo import kills
from demo.kills import Kills
from demo.watch import Sample

BUSY = Sample(5.0, "Running", done=1200, in_flight=40, ready=4)


def pod(name, *, ready="True", container="worker", uid="u1", **metadata):
    conditions = [{"type": "Ready", "status": ready}]
    statuses = [{"name": container, "containerID": "containerd://c1"}]
    status = {"conditions": conditions, "containerStatuses": statuses}
    return {"metadata": {"name": name, "uid": uid, **metadata}, "status": status}


def cgroup_of(proc, pid, *path):
    (proc / str(pid)).mkdir(parents=True)
    (proc / str(pid) / "cgroup").write_text(f"8:pids:/crawlfleet/kubepods/burstable/{'/'.join(path)}\n")


@pytest.mark.parametrize(
    ("sample", "killed", "is_due"),
    [
        (BUSY, 0, True),
        (BUSY, 1, False),
        (Sample(5.0, done=2600, in_flight=1, ready=2), 1, True),
        (Sample(5.0, done=2600, in_flight=1, ready=2), 2, False),
        (Sample(5.0, done=1200, in_flight=0, ready=4), 0, False),
        (Sample(5.0, done=1200, in_flight=9, ready=1), 0, False),
        (Sample(5.0, done=999, in_flight=9, ready=4), 0, False),
    ],
)
def test_a_worker_dies_among_others_with_work_in_its_hands(sample, killed, is_due):
    assert kills.due(sample, kills.AFTER_PAGES, killed) is is_due


def test_the_victim_is_ready_and_was_not_killed_before():
    leaving = pod("a", deletionTimestamp="2026-01-01T00:00:00Z")
    pods = [pod("d"), pod("c"), pod("b", ready="False"), leaving, {"metadata": {"name": "0"}}]
    assert kills.victim(pods, ["c"])["metadata"]["name"] == "d"
    assert kills.victim(pods, ["c", "d"]) is None


def test_only_processes_of_that_pod_and_container_are_found(tmp_path):
    cgroup_of(tmp_path, 11, "podu1", "c1")
    cgroup_of(tmp_path, 12, "podu1", "pause")
    cgroup_of(tmp_path, 13, "podu2", "c1")
    (tmp_path / "14").mkdir()
    (tmp_path / "version").touch()
    assert kills.processes(tmp_path, "u1", "c1") == [11]


def test_a_worker_of_the_bundled_node_gets_sigkill(tmp_path, monkeypatch):
    monkeypatch.delenv("CLUSTER", raising=False)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        cgroup_of(tmp_path, process.pid, "podu1", "c1")
        assert kills.kill(None, pod("a"), tmp_path)
        assert process.wait(10) == -9
    assert not kills.kill(None, pod("a", uid="gone"), tmp_path)


class Pods:
    def __init__(self, *pods):
        self.pods, self.deleted = pods, []

    def json(self, *arguments):
        return {"items": self.pods}

    def run(self, *arguments):
        self.deleted.append(arguments)


def test_on_another_cluster_the_pod_goes_and_the_sample_says_so(monkeypatch):
    monkeypatch.setenv("CLUSTER", "current")
    kube = Pods(pod("a"), pod("b"))
    both = Kills(kube, "docs")
    assert both.strike(BUSY).killed == "a"
    assert not both.strike(BUSY).killed
    assert list(both.faults()) == ["1 of 2 workers were killed on the way: the crawl was too quick"]
    assert both.strike(Sample(9.0, done=3000, in_flight=4, ready=3)).killed == "b"
    assert not list(both.faults())
    assert [call[:3] for call in kube.deleted] == [("delete", "pod", "a"), ("delete", "pod", "b")]


def test_a_kill_is_seen_in_the_progress():
    assert Sample(1.0, killed="docs-1").line().endswith("killed: docs-1")
