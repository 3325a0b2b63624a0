"""When is an image built again? When anything that goes into it is another, and only then."""

from __future__ import annotations

import io
import json
import os
import tarfile
from pathlib import Path

import pytest

from cluster import image_store
from cluster.image_store import Record

TAG = "localhost/crawlfleet/thing:1"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CRAWLFLEET_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    context = tmp_path / "context"
    context.mkdir()
    (context / "Containerfile").write_text("FROM scratch\nCOPY page /\n")
    (context / "page").write_text("one")
    return context


def key(context: Path, tag: str = TAG, **build_args: str) -> str:
    return image_store.key(tag, context / "Containerfile", context, build_args)


def test_equal_contents_have_equal_keys(recipe: Path) -> None:
    first = key(recipe)
    (recipe / "page").touch()
    assert key(recipe) == first
    assert first.startswith("thing-1-")


def test_every_input_changes_the_key(recipe: Path) -> None:
    seen = [key(recipe), key(recipe, tag="localhost/crawlfleet/thing:2"), key(recipe, MODE="fast")]
    (recipe / "page").write_text("two")
    seen.append(key(recipe))
    (recipe / "page").chmod(0o755)
    seen.append(key(recipe))
    (recipe / "page").rename(recipe / "leaf")
    seen.append(key(recipe))
    (recipe / "link").symlink_to("leaf")
    seen.append(key(recipe))
    (recipe / "Containerfile").write_text("FROM scratch\n")
    seen.append(key(recipe))
    assert len(set(seen)) == len(seen)


def test_a_new_base_changes_what_stands_on_it(recipe: Path) -> None:
    base = "localhost/crawlfleet/base:x"
    without = key(recipe, BASE=base)
    for name in ("base-x-1", "base-x-2"):
        image_store.archive_path(name).write_text("")
        image_store.remember(Record(base, name, "0" * 64))
    assert len({without, key(recipe, BASE=base)}) == 2


def test_a_record_without_its_archive_does_not_count() -> None:
    image_store.remember(Record(TAG, "thing-1-abc", "0" * 64))
    assert image_store.record(TAG) is None
    image_store.archive_path("thing-1-abc").write_text("")
    assert image_store.record(TAG) == Record(TAG, "thing-1-abc", "0" * 64)


def test_only_the_newest_images_of_a_name_are_kept() -> None:
    for number in range(6):
        new = Record(f"localhost/crawlfleet/thing:{number}", f"thing-{number}", str(number))
        image_store.archive_path(new.key).write_text("")
        image_store.remember(new)
        os.utime(image_store.record_path(new.tag), (number, number))
    other = Record("localhost/crawlfleet/thing-else:1", "else", "x")
    image_store.archive_path(other.key).write_text("")
    image_store.remember(other)
    forgotten = image_store.forget_old("localhost/crawlfleet/thing")
    assert [old.image_id for old in forgotten] == ["1", "0"]
    assert image_store.record(forgotten[0].tag) is None
    assert image_store.record("localhost/crawlfleet/thing:2")
    assert image_store.record(other.tag) == other


def test_an_archive_tells_its_tag_and_digest(tmp_path: Path) -> None:
    reference = {"org.opencontainers.image.ref.name": TAG}
    index = json.dumps({"manifests": [{"digest": "sha256:12", "annotations": reference}]}).encode()
    with tarfile.open(tmp_path / "archive.tar", "w") as archive:
        member = tarfile.TarInfo("index.json")
        member.size = len(index)
        archive.addfile(member, io.BytesIO(index))
    assert image_store.archive_reference(tmp_path / "archive.tar") == (TAG, "sha256:12")
