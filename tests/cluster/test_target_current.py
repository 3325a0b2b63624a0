"""CLUSTER=current: somebody's own cluster and registry; the bundled node and Debian's registry play their parts."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from cluster import images, machine, paths
from cluster.endpoints import answers
from cluster.node import addons, layout, lifecycle
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
    lifecycle.load(images.redis_image())
    _runs(f"{registry}/crawlfleet/redis:7.0", "Always")
    _runs(images.REDIS, "Never")  # the same image, loaded: that it was pulled by another name changes nothing


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


def test_the_demo_as_far_as_its_first_pages(environment: dict[str, str], registry: str) -> None:
    """Cluster, images, chart, site and CrawlJob differ with the target; the rest of the crawl does not."""
    argv = [sys.executable, "-m", "demo", "run"]
    with subprocess.Popen(argv, env=environment, cwd=paths.REPOSITORY, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        printed = list(_until(r"workers [1-9].* done +[1-9]", running.stdout))
        names = ("operator", "redis", "worker", "demo-site")
        assert {f"{registry}/crawlfleet/{name}" for name in names} <= _images_of_pods(), "".join(printed)
        running.terminate()
    assert cluster(environment, "-m", "demo", "clean").returncode == 0


def _until(pattern: str, lines: Iterable[str]) -> Iterator[str]:
    """Yield lines up to the first that has this pattern; fails where none has."""
    seen = []
    for line in lines:
        seen.append(line)
        yield line
        if re.search(pattern, line):
            return
    pytest.fail(f"no line has {pattern}:\n{''.join(seen)}")


def _images_of_pods() -> set[str]:
    """Return the images, without tags, of all pods."""
    pods = json.loads(addons.kubectl("get", "pods", "-A", "-o", "json"))["items"]
    return {container["image"].rpartition(":")[0] for pod in pods for container in pod["spec"]["containers"]}


def _runs(image: str, policy: str) -> None:
    """Start a pod of this image and wait until it is ready."""
    name = f"pulled-{uuid.uuid4().hex[:8]}"
    addons.kubectl("run", name, f"--image={image}", f"--image-pull-policy={policy}")
    try:
        addons.kubectl("wait", f"pod/{name}", "--for=condition=Ready", "--timeout=90s")
    finally:
        addons.kubectl("delete", "pod", name, "--now")
