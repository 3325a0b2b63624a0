"""How do the project's images come about? What can be said without building one."""

import hashlib
import re
import zipfile
from pathlib import Path

import pytest

from cluster import project_context, project_images, project_wheels
from cluster.errors import ClusterError, CommandError

RECIPES = [image.recipe for image in project_context.IMAGES.values()]


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one wheel, `planted` 1.0, instead of an index; and an empty cache."""
    folder = tmp_path / "index"
    folder.mkdir()
    with zipfile.ZipFile(folder / "planted-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("planted.py", "")
        wheel.writestr("planted-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: planted\nVersion: 1.0\n")
        wheel.writestr("planted-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("planted-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("CRAWLFLEET_CACHE", str(tmp_path / "cache"))
    return folder


def lock(folder: Path, digest: str) -> Path:
    """Write a lock file that asks for `planted` with this hash."""
    file = folder / "lock.txt"
    file.write_text(f"planted==1.0 \\\n    --hash=sha256:{digest}\n")
    return file


def test_wheels_with_the_locked_hash_are_taken_once(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = next(index.glob("*.whl"))
    requirements = lock(index, hashlib.sha256(wheel.read_bytes()).hexdigest())
    folder = project_wheels.locked(requirements)
    assert [path.name for path in folder.iterdir()] == [wheel.name]
    monkeypatch.setenv("PIP_FIND_LINKS", "/nowhere")
    assert project_wheels.locked(requirements) == folder


def test_a_wheel_with_another_hash_is_refused_and_nothing_is_kept(index: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="DO NOT MATCH THE HASHES"):
        project_wheels.locked(lock(index, "0" * 64))
    assert list((tmp_path / "cache" / "wheels").iterdir()) == []


def test_a_package_without_a_hash_is_refused(index: Path) -> None:
    (index / "lock.txt").write_text("planted==1.0\n")
    with pytest.raises(CommandError, match="Hashes are required"):
        project_wheels.locked(index / "lock.txt")


def test_a_package_that_comes_as_source_only_is_refused(index: Path) -> None:
    wheel = next(index.glob("*.whl"))
    source = wheel.rename(index / "planted-1.0.tar.gz")
    with pytest.raises(CommandError, match="No matching distribution"):
        project_wheels.locked(lock(index, hashlib.sha256(source.read_bytes()).hexdigest()))


def test_another_machine_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch, index: Path) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(ClusterError, match=r"x86_64 and aarch64, not for riscv64"):
        project_wheels.locked(lock(index, "0" * 64))


def test_the_wheel_of_the_project_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    first, second = (project_wheels.own(tmp_path / name).read_bytes() for name in ("a", "b"))
    assert first == second


def test_a_content_hash_tells_names_bytes_and_modes_apart(tmp_path: Path) -> None:
    file = tmp_path / "one"
    file.write_text("1")
    seen = {project_context.content_hash(tmp_path)}
    assert project_context.content_hash(tmp_path) in seen
    file.write_text("2")
    seen.add(project_context.content_hash(tmp_path))
    file.chmod(0o755)
    seen.add(project_context.content_hash(tmp_path))
    file.rename(tmp_path / "two")
    seen.add(project_context.content_hash(tmp_path))
    seen.add(project_context.content_hash(tmp_path, also="base"))
    assert len(seen) == 5


def test_a_context_is_made_in_a_new_folder_only(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    with pytest.raises(ClusterError, match="is not empty"):
        project_context.stage("operator", tmp_path)
    with pytest.raises(ClusterError, match="no image is named 'redis': there are operator, worker"):
        project_context.stage("redis", tmp_path / "new")


def test_the_base_of_a_derived_image_is_replaced() -> None:
    recipe = "FROM registry.example/worker:1\nCOPY . /spiders\n"
    assert project_images._on_an_argument(recipe) == "ARG WORKER\nFROM ${WORKER}\nCOPY . /spiders\n"
    with pytest.raises(ClusterError, match="has no line FROM"):
        project_images._on_an_argument("COPY . /spiders\n")


def test_an_unknown_image_is_refused_by_its_name() -> None:
    with pytest.raises(ClusterError, match="no image is named oprator: there are operator, worker"):
        project_images.build_all(["oprator"])


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.parent.name)
def test_our_recipes_run_as_a_numbered_user_and_install_offline(recipe: Path) -> None:
    text = recipe.read_text()
    assert re.search(r"^USER 65532:65532$", text, re.MULTILINE)
    assert re.search(r"^ARG BASE=docker\.io/library/python:3\.11-slim-bookworm$", text, re.MULTILINE)
    for option in ("--no-index", "--require-hashes", "--isolated", "--no-cache-dir", "PIP_CONFIG_FILE=/dev/null"):
        assert option in text
    assert "apt-get" not in text
