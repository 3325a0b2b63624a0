"""Where do finished image archives lie, and which one stands behind a tag right now?

An archive's name is the hash of everything that went into it. The record of a tag names its archive and the image's
identity in buildah's own store, so that an image can be built upon without building it again.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from cluster import paths

_KEPT_PER_NAME = 4  # a checkout or two, and the state before the last change


@dataclass(frozen=True)
class Record:
    """What is known about the newest image of a tag."""

    tag: str
    key: str
    image_id: str

    @property
    def archive(self) -> Path:
        """The OCI archive."""
        return _shelf() / f"{self.key}.tar"


def record(tag: str) -> Record | None:
    """Return the newest image of this tag, if its archive is still there."""
    try:
        found = Record(**json.loads(record_path(tag).read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return found if found.archive.exists() else None


def remember(new: Record) -> None:
    """Note the newest image of its tag."""
    path = record_path(new.tag)
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(asdict(new), indent=2) + "\n")
    temporary.rename(path)


def forget_old(name: str) -> list[Record]:
    """Forget all but the newest images of this name (a tag up to its colon) and return what was forgotten."""
    files = _shelf().glob(name.replace("/", "_") + "@*.json")
    newest_first = sorted(files, key=lambda file: file.stat().st_mtime, reverse=True)
    old = [Record(**json.loads(file.read_text())) for file in newest_first[_KEPT_PER_NAME:]]
    for gone in old:
        gone.archive.unlink(missing_ok=True)
        record_path(gone.tag).unlink()
    return old


def key(tag: str, containerfile: Path, context: Path, build_args: Mapping[str, str]) -> str:
    """Hash all that goes into an image: the recipe, every file it may copy, the arguments, the images it stands on."""
    digest = hashlib.sha256(containerfile.read_bytes())
    digest.update(repr((tag, sorted(build_args.items()))).encode())
    for value in build_args.values():
        below = record(value)
        digest.update(below.key.encode() if below else b"-")
    for file in sorted(path for path in context.rglob("*") if path.is_file() or path.is_symlink()):
        digest.update(repr((str(file.relative_to(context)), file.lstat().st_mode & 0o777)).encode())
        digest.update(str(file.readlink()).encode() if file.is_symlink() else _content(file))
    return f"{tag.rsplit('/', 1)[-1].replace(':', '-')}-{digest.hexdigest()[:24]}"


def archive_reference(archive: Path) -> tuple[str, str]:
    """Return (tag, manifest digest) of an OCI archive, as its index says."""
    with tarfile.open(archive) as opened:
        member = opened.extractfile("index.json")
        if member is None:
            raise ValueError(f"{archive} has no index.json: not an OCI archive")
        manifest = json.load(member)["manifests"][0]
    return manifest["annotations"]["org.opencontainers.image.ref.name"], manifest["digest"]


def archive_path(image_key: str) -> Path:
    """Return where the archive of this key lies or will lie."""
    return _shelf() / f"{image_key}.tar"


def _content(file: Path) -> bytes:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").digest()


def _shelf() -> Path:
    shelf = paths.cache() / "images"
    shelf.mkdir(parents=True, exist_ok=True)
    return shelf


def record_path(tag: str) -> Path:
    """Return where the record of this tag lies or will lie."""
    return _shelf() / (tag.replace("/", "_").replace(":", "@") + ".json")
