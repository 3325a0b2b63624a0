"""However a node ended, the next `up` starts from a clean machine, and `down` leaves nothing."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.run import wait_until
from tests.cluster.machine import NAME, UP_SECONDS, TrialNode, processes, traces

pytestmark = pytest.mark.e2e


@pytest.fixture
def node() -> Iterator[TrialNode]:
    state = Path(tempfile.mkdtemp(prefix="cf-", dir="/tmp"))  # short: sockets lie below it
    trial = TrialNode(state)
    yield trial
    trial.run("down")
    shutil.rmtree(state, ignore_errors=True)


def kill_all() -> None:
    def none_left() -> bool:
        for pid in processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        return not processes()

    wait_until(none_left, "the end of all processes", 20)


def assert_up(node: TrialNode) -> None:
    done = node.run("up")
    assert done.returncode == 0, done.stderr
    ready = "jsonpath={.items[*].status.conditions[?(@.type=='Ready')].status}"
    assert node.kubectl("get", "nodes", "-o", ready) == "True"


def test_starts_and_nodes_killed_at_any_moment_are_cleared_by_the_next_start(node: TrialNode) -> None:
    for moment in (Path("/run/netns") / NAME, Path("/run") / NAME / "containerd.sock"):
        with node.start("up") as starting:
            wait_until(moment.exists, f"{moment}", UP_SECONDS)
            starting.kill()
        assert traces(node.state)
    assert_up(node)
    kill_all()
    remains = traces(node.state)
    for kind in ("mount", "link", "cgroup", "file"):  # else this test clears nothing
        assert any(trace.startswith(kind) for trace in remains), kind
    assert node.run("status").returncode == 1
    assert_up(node)
    assert node.run("down").returncode == 0
    assert traces(node.state) == []
    assert node.run("down").returncode == 0  # nothing to do is no error


def test_a_dead_daemon_is_named_and_another_checkout_is_refused_until_it_takes_over(node: TrialNode) -> None:
    assert_up(node)
    again = node.run("up")
    assert "the node is up" in again.stderr
    assert "control plane" not in again.stderr  # nothing was started a second time
    stranger = TrialNode(Path(tempfile.mkdtemp(prefix="cf-", dir="/tmp")))
    try:
        assert_refused(stranger, node)
        kill_daemon("kubelet")
        told = node.run("status")
        assert told.returncode == 1
        assert "kubelet is dead" in told.stdout
        taken = stranger.run("up", "--take-over")
        assert taken.returncode == 0, taken.stderr
        stranger.kubectl("get", "nodes")
        assert not (node.state / "kubeconfig").exists()
    finally:
        stranger.run("down")
        assert traces(stranger.state) == []
        shutil.rmtree(stranger.state)


def assert_refused(stranger: TrialNode, owner: TrialNode) -> None:
    for command in ("up", "down"):
        refused = stranger.run(command)
        assert refused.returncode == 1
        assert f"a node of another checkout runs on this machine ({owner.state.parent})" in refused.stderr
    owner.kubectl("get", "nodes")


def kill_daemon(name: str) -> None:
    for pid in processes():
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode()
        if Path(command).name == name:
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda pid=pid: pid not in processes(), f"the end of {name}", 10)  # type: ignore[misc]
            return
    raise AssertionError(f"no {name} among {processes()}")


def test_the_machine_says_what_is_missing_and_touches_nothing(tmp_path: Path) -> None:
    trial = TrialNode(tmp_path / "state")
    as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *trial.command("up")]
    environment = trial.environment() | {"HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    refused = subprocess.run(as_nobody, env=environment, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "only root" in refused.stderr
    assert "CLUSTER=current" in refused.stderr
    assert not trial.state.exists()
