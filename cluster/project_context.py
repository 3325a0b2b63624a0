"""What does the build of an image see? `python3 -m cluster.project_context operator DIR` puts it into a folder.

The folder is all that a build reads, so its hash names the image, and `docker build -f operator/Containerfile DIR`
works for whoever has a builder of their own.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from cluster import paths, project_wheels
from cluster.errors import ClusterError


@dataclass(frozen=True)
class Image:
    """An image of ours: its Containerfile and its lock file, below the repository."""

    containerfile: str
    requirements: str

    @property
    def recipe(self) -> Path:
        """The Containerfile."""
        return paths.REPOSITORY / self.containerfile


IMAGES = {
    "operator": Image("operator/Containerfile", "requirements/operator.txt"),
    "worker": Image("crawler_image/Containerfile", "requirements/worker.txt"),
}


def stage(name: str, folder: Path) -> Image:
    """Make the build context of one of IMAGES in a folder that is new or empty."""
    if name not in IMAGES:
        raise ClusterError(f"no image is named {name!r}: there are {', '.join(IMAGES)}")
    if folder.exists() and any(folder.iterdir()):
        raise ClusterError(f"{folder} is not empty: name a new folder for the build context")
    image = IMAGES[name]
    wheels = folder / "wheels"
    wheels.mkdir(parents=True)
    lock = paths.REPOSITORY / image.requirements
    for source in (project_wheels.locked(lock), project_wheels.installer()):
        for wheel in source.glob("*.whl"):
            _link(wheel, wheels / wheel.name)
    shutil.copy(lock, folder / "requirements.txt")
    project_wheels.own(folder)
    return image


def version(folder: Path) -> str:
    """Return the version of our wheel in a build context."""
    return next(folder.glob("crawlfleet-*.whl")).name.split("-")[1]


def _link(source: Path, target: Path) -> None:
    """Hard-link a file, or copy it where the cache lies on another file system."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)


def content_hash(*roots: Path, also: str = "") -> str:
    """Return 12 hex digits over the names and bytes of all files in these files and folders, and over `also`."""
    digest = hashlib.sha256(also.encode())
    for root in roots:
        for file in sorted(_files(root)):
            name = file.relative_to(root).as_posix() if root.is_dir() else file.name
            digest.update(f"{name}\0{file.stat().st_mode & 0o111}\0".encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:12]


def _files(root: Path) -> list[Path]:
    found = root.rglob("*") if root.is_dir() else iter([root])
    return [path for path in found if path.is_file() and "__pycache__" not in path.parts]


def main(arguments: list[str]) -> int:
    """Stage the context of one image for a builder of the caller's own."""
    if len(arguments) != 2:
        print(f"usage: python3 -m cluster.project_context {{{','.join(IMAGES)}}} DIR", file=sys.stderr)
        return 2
    name, folder = arguments
    try:
        image = stage(name, Path(folder))
    except ClusterError as error:
        print(error, file=sys.stderr)
        return 1
    argument = f"--build-arg VERSION={version(Path(folder))}"
    print(f"docker build --file {image.containerfile} {argument} --tag crawlfleet/{name} {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
