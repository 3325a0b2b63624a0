"""The control plane of the tests: a real API, up in seconds, gone with its user however that one ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster import paths
from cluster.control_plane import ControlPlane
from cluster.errors import CommandError
from cluster.run import wait_until

PARTS = {"etcd", "kube-apiserver", "kube-controller-manager"}
END_SECONDS = 15


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with ControlPlane(tmp_path_factory.mktemp("plane")) as started:
        yield started


def daemons_of(directory: Path) -> set[str]:
    """Return which parts run with this directory in their arguments."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        name = Path(words[0]).name
        if name in PARTS and any(str(directory) in word for word in words[1:]):
            found.add(name)
    return found


def test_controllers_work_without_a_kubelet(plane: ControlPlane) -> None:
    plane.kubectl("create", "deployment", "idle", "--image=nowhere.example/none", "--replicas=3")

    def three_pods() -> bool:
        return len(plane.kubectl("get", "pods", "-l", "app=idle", "-o", "name").stdout.split()) == 3

    wait_until(three_pods, "three pods", 15)


def test_a_user_has_only_the_rights_that_roles_give(plane: ControlPlane) -> None:
    reader = plane.user_kubeconfig("reader", ["crawl/readers"])
    who = json.loads(plane.kubectl("auth", "whoami", "-o", "json", kubeconfig=reader).stdout)
    assert who["status"]["userInfo"]["username"] == "reader"
    assert "crawl/readers" in who["status"]["userInfo"]["groups"]
    with pytest.raises(CommandError, match="cannot list resource"):
        plane.kubectl("get", "secrets", kubeconfig=reader)
    plane.kubectl("create", "clusterrole", "see-secrets", "--verb=list", "--resource=secrets")
    plane.kubectl("create", "clusterrolebinding", "see-secrets", "--clusterrole=see-secrets", "--group=crawl/readers")

    def allowed() -> bool:
        return plane.kubectl("get", "secrets", check=False, kubeconfig=reader).returncode == 0

    wait_until(allowed, "the new role's effect", 10)


def test_service_account_tokens_identify(plane: ControlPlane) -> None:
    token = plane.kubectl("create", "token", "default").stdout.strip()
    bare = ("--kubeconfig=/dev/null", f"--server={plane.url}", f"--token={token}")
    authority = f"--certificate-authority={plane.directory / 'pki' / 'ca.crt'}"
    who = plane.kubectl(*bare, authority, "auth", "whoami", "-o", "jsonpath={.status.userInfo.username}")
    assert who.stdout == "system:serviceaccount:default:default"


def test_pod_security_admission_is_on(plane: ControlPlane) -> None:
    plane.kubectl("create", "namespace", "strict")
    plane.kubectl("label", "namespace", "strict", "pod-security.kubernetes.io/enforce=restricted")
    with pytest.raises(CommandError, match='violates PodSecurity "restricted'):
        plane.kubectl("-n", "strict", "run", "loose", "--image=nowhere.example/none")


def test_the_audit_log_names_user_verb_and_object(plane: ControlPlane) -> None:
    writer = plane.user_kubeconfig("auditee", ["system:masters"])
    plane.kubectl("create", "configmap", "audited", kubeconfig=writer)

    def creations() -> list[str]:
        entries = [json.loads(line) for line in plane.audit_log.read_text().splitlines()]
        own = [entry for entry in entries if entry["user"]["username"] == "auditee" and entry["verb"] == "create"]
        return [entry["objectRef"]["name"] for entry in own]

    wait_until(lambda: creations() == ["audited"], "the audit log's line", 10)


def test_two_run_side_by_side_and_leave_no_data(plane: ControlPlane, tmp_path: Path) -> None:
    with ControlPlane(tmp_path / "second") as second:
        second.kubectl("create", "namespace", "only-here")
        assert second.url != plane.url
        assert plane.kubectl("get", "namespace", "only-here", check=False).returncode
        assert daemons_of(second.directory) == PARTS
    assert not daemons_of(second.directory)
    assert not (second.directory / "etcd").exists()


HOLDER = """
import sys, time
from pathlib import Path
from cluster.control_plane import ControlPlane
with ControlPlane(Path(sys.argv[1])) as plane:
    print("up", flush=True)
    time.sleep(600)
"""


def test_it_dies_with_a_killed_holder(tmp_path: Path) -> None:
    directory = tmp_path / "held"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, directory], cwd=paths.REPOSITORY, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "up\n"
        assert daemons_of(directory) == PARTS
        holder.kill()
    wait_until(lambda: not daemons_of(directory), "the end of its parts", END_SECONDS)
    wait_until(lambda: not (directory / "etcd").exists(), "the end of its data", END_SECONDS)


def test_its_parts_die_with_their_killed_owner(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cluster", "control-plane", "--dir", str(tmp_path)]
    with subprocess.Popen(command, cwd=paths.REPOSITORY, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout
        assert owner.stdout.readline().startswith("ready https://127.0.0.1:")
        assert daemons_of(tmp_path) == PARTS
        owner.kill()
    wait_until(lambda: not daemons_of(tmp_path), "the end of its parts", END_SECONDS)


def test_the_foreground_command_ends_with_sigterm(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cluster", "control-plane", "--dir", str(tmp_path)]
    with subprocess.Popen(command, cwd=paths.REPOSITORY, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout
        assert owner.stdout.readline().startswith("ready ")
        os.kill(owner.pid, signal.SIGTERM)
        assert owner.wait(END_SECONDS) == 0
    assert not daemons_of(tmp_path)


def test_a_part_that_dies_ends_the_plane_with_its_last_words(tmp_path: Path) -> None:
    (tmp_path / "etcd.log").write_text("")
    command = [sys.executable, "-m", "cluster", "control-plane", "--dir", str(tmp_path)]
    with subprocess.Popen(
        command, cwd=paths.REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout
        assert owner.stderr
        owner.stdout.readline()
        kill_part("etcd", tmp_path)
        assert owner.wait(END_SECONDS) == 1
        assert "etcd ended with status" in owner.stderr.read()


def kill_part(name: str, directory: Path) -> None:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        if Path(words[0]).name == name and any(str(directory) in word for word in words[1:]):
            os.kill(int(process.name), signal.SIGKILL)
