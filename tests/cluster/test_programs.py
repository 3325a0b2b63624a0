"""When is a program built again, where is it found, and what is said where it cannot be built?"""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster import binaries, machine, paths, toolchain, tools
from cluster.errors import ClusterError
from cluster.programs import GROUPS, KUBERNETES, Module


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Module:
    """A Go program of two lines, in directories of the test's own."""
    monkeypatch.setenv("CRAWLFLEET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(paths, "GO_MODULES", tmp_path / "go")
    monkeypatch.setattr(paths, "BIN", tmp_path / "bin")
    directory = tmp_path / "go" / "tiny"
    directory.mkdir(parents=True)
    (directory / "go.mod").write_text("module tiny.example\n\ngo 1.26\n")
    (directory / "main.go").write_text('package main\n\nfunc main() { println("tiny") }\n')
    return Module("tiny", {"tiny": "."})


def test_a_program_is_built_once_and_found_by_the_next(module: Module, monkeypatch: pytest.MonkeyPatch) -> None:
    built = binaries.ensure(module)
    assert (built / "tiny").stat().st_mode & 0o111
    monkeypatch.setattr(binaries, "_build", lambda _: pytest.fail("built a second time"))
    assert binaries.ensure(module) == built
    monkeypatch.setattr(toolchain, "find", lambda: None)
    assert binaries.ensure(module) == built  # a machine without Go uses what is there


def test_a_changed_source_is_built_anew_and_the_link_follows(module: Module) -> None:
    binaries.link(module)
    before = (paths.BIN / "tiny").readlink()
    (module.directory / "main.go").write_text("package main\n\nfunc main() {}\n")
    binaries.link(module)
    assert (paths.BIN / "tiny").readlink() != before
    assert before.exists()  # another checkout may still use it


def test_a_build_that_fails_says_why_and_leaves_nothing(module: Module) -> None:
    (module.directory / "main.go").write_text("package main\n\nfunc main() { undefined() }\n")
    with pytest.raises(ClusterError, match="undefined: undefined"):
        binaries.ensure(module)
    assert list((paths.cache() / "bin").iterdir()) == []


def test_what_a_killed_build_left_goes_with_the_next(module: Module) -> None:
    left = paths.cache() / "bin" / ".building-tiny-x"
    left.mkdir(parents=True)
    binaries.ensure(module)
    assert not left.exists()


def test_the_kubernetes_program_goes_by_the_names_of_its_parts() -> None:
    assert KUBERNETES.links()["kubectl"] == "kubernetes"
    assert "kubernetes" not in KUBERNETES.links()


def test_an_unknown_group_is_named_with_those_there_are() -> None:
    with pytest.raises(ClusterError, match=r"no group named nodes; there are control-plane, helm, kubeconform, node"):
        tools.ensure("nodes")
    assert set(GROUPS) == {"control-plane", "helm", "kubeconform", "node"}


def test_missing_programs_are_named_with_the_line_that_installs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(ClusterError, match=r"as root: apt-get install -y --no-install-recommends that this$"):
        machine.require_programs({"no-such-program": "this", "none-such": "that", "sh": "dash"})


def test_a_machine_that_is_not_linux_is_told_the_other_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    with pytest.raises(ClusterError, match=r"this is not Linux.*CLUSTER=current"):
        machine.require_node()
