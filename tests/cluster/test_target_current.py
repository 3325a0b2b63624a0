"""CLUSTER=current: somebody's own cluster and registry; the bundled node and Debian's registry play their parts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster import images, machine, paths
from cluster.endpoints import answers
from cluster.node import addons, layout
from cluster.run import wait_until

pytestmark = pytest.mark.e2e

LOAD = "import pathlib, sys; from cluster.target import target; target().load(pathlib.Path(sys.argv[1]))"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry on the machine's end of the node's network, where nobody but the node comes."""
    machine.require_programs({"docker-registry": "docker-registry"})
    directory = tmp_path_factory.mktemp("registry")
    settings = {
        "version": "0.1",
        "http": {"addr": layout.REGISTRY},
        "storage": {"filesystem": {"rootdirectory": str(directory)}},
    }
    configuration = directory / "config.yml"
    configuration.write_text(json.dumps(settings))
    with (directory / "log").open("w") as log:
        serving = subprocess.Popen(["docker-registry", "serve", configuration], stdout=log, stderr=log)
    try:
        wait_until(lambda: answers(f"http://{layout.REGISTRY}/v2/"), "the registry", 15)
        yield layout.REGISTRY
    finally:
        serving.terminate()
        serving.wait(10)


@pytest.fixture
def environment(registry: str, tmp_path: Path) -> dict[str, str]:
    """A user's shell: a kubeconfig of theirs, a registry, and a state directory apart from the node's."""
    kubeconfig = tmp_path / "my-kubeconfig"
    kubeconfig.write_text(paths.KUBECONFIG.read_text())
    own = {"CLUSTER": "current", "KUBECONFIG": str(kubeconfig), "CRAWLFLEET_STATE": str(tmp_path / "state")}
    return {**os.environ, **own, "REGISTRY": registry, "REGISTRY_PLAIN_HTTP": "1"}


def cluster(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, *words]
    return subprocess.run(
        argv, env=environment, cwd=paths.REPOSITORY, capture_output=True, text=True, check=False, timeout=300
    )


def test_up_copies_the_kubeconfig_and_says_which_version_answers(environment: dict[str, str]) -> None:
    done = cluster(environment, "-m", "cluster", "up")
    assert done.returncode == 0, done.stderr
    assert "Server Version: v1." in done.stderr
    copied = Path(environment["CRAWLFLEET_STATE"]) / "kubeconfig"
    assert f"https://{layout.NODE_ADDRESS}:6443" in copied.read_text()
    assert cluster(environment, "-m", "cluster", "down").returncode == 0
    assert addons.kubectl("get", "--raw", "/readyz") == "ok"  # the cluster is its owner's


def test_a_loaded_image_is_pulled_from_the_registry(environment: dict[str, str], registry: str) -> None:
    assert cluster(environment, "-m", "cluster", "up").returncode == 0
    done = cluster(environment, "-c", LOAD, str(images.redis_image()))
    assert done.returncode == 0, done.stderr
    with urllib.request.urlopen(f"http://{registry}/v2/crawlfleet/redis/tags/list", timeout=5) as answer:
        assert json.load(answer)["tags"] == ["7.0"]
    name = f"pulled-{uuid.uuid4().hex[:8]}"
    addons.kubectl("run", name, f"--image={registry}/crawlfleet/redis:7.0", "--image-pull-policy=Always")
    try:
        addons.kubectl("wait", f"pod/{name}", "--for=condition=Ready", "--timeout=90s")
    finally:
        addons.kubectl("delete", "pod", name, "--now")


def test_no_registry_and_no_cluster_are_told_by_name(environment: dict[str, str], tmp_path: Path) -> None:
    assert cluster(environment, "-m", "cluster", "up").returncode == 0
    done = cluster(environment | {"REGISTRY": ""}, "-c", LOAD, str(images.redis_image()))
    assert "CLUSTER=current needs REGISTRY=host:port" in done.stderr
    nowhere = tmp_path / "nowhere"
    nowhere.write_text(paths.KUBECONFIG.read_text().replace(":6443", ":1"))
    done = cluster(environment | {"KUBECONFIG": str(nowhere)}, "-m", "cluster", "up")
    assert done.returncode == 1
    assert "the cluster of the current kubeconfig does not answer" in done.stderr
    done = cluster(environment | {"CLUSTER": "mine"}, "-m", "cluster", "up")
    assert "there are bundled (the default) and current" in done.stderr
