"""Which wheels go into an image of the project: the locked ones, hash-checked, and our own."""

from __future__ import annotations

import hashlib
import os
import platform
import tempfile
from pathlib import Path

from cluster import paths
from cluster.errors import ClusterError
from cluster.progress import step
from cluster.run import run

PYTHON_VERSION = "3.11"
"""Of the base image."""

_NEWEST_GLIBC_MINOR = 36
"""Debian bookworm, the base image, has glibc 2.36: a wheel built for a newer one would not load there."""


def locked(requirements: Path) -> Path:
    """Return a cached folder with a wheel for each line of a lock file, each checked against the lock's hashes.

    pip refuses a package whose hash the lock does not have, and one that comes as source only.
    """
    key = hashlib.sha256(repr((_tags(), PYTHON_VERSION)).encode() + requirements.read_bytes()).hexdigest()[:16]
    folder = paths.cache() / "wheels" / key
    if not folder.exists():
        with step(f"fetching the wheels of {requirements.name}"):
            _download(requirements, folder)
    return folder


def _download(requirements: Path, folder: Path) -> None:
    """Fill a folder of its own and rename it when complete, so that nobody meets half of one."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder.parent) as scratch:
        unfinished = Path(scratch) / "wheels"
        platforms = [word for tag in _tags() for word in ("--platform", tag)]
        pip = (_python(), "-m", "pip", "download", "--quiet", "--no-deps", "--dest", unfinished)
        wanted = ("--require-hashes", "--only-binary", ":all:", "--python-version", PYTHON_VERSION)
        run(*pip, *wanted, *platforms, "--requirement", requirements, timeout=1800)
        if not folder.exists():
            unfinished.rename(folder)


def _tags() -> list[str]:
    """Platform tags of the wheels that load in the base image, the newest glibc first."""
    machine = platform.machine()
    if machine not in {"x86_64", "aarch64"}:
        raise ClusterError(f"images are built for x86_64 and aarch64, not for {machine}: build them on such a machine")
    newest_first = [f"manylinux_2_{minor}_{machine}" for minor in range(_NEWEST_GLIBC_MINOR, 4, -1)]
    return [*newest_first, f"manylinux2014_{machine}"]


def installer() -> Path:
    """Return the folder that holds pip's own wheel: the build runs pip out of it."""
    lines = (paths.REPOSITORY / "requirements" / "build.txt").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as scratch:
        lock = Path(scratch) / "pip.txt"
        lock.write_text(_only("pip", lines), encoding="utf-8")
        return locked(lock)


def _only(package: str, lock: str) -> str:
    """Return one package's part of a lock file: its line and the hashes on the lines below it."""
    parts = lock.replace("\\\n", "\\\0").splitlines(keepends=True)
    return next(part for part in parts if part.startswith(f"{package}==")).replace("\\\0", "\\\n")


def own(folder: Path) -> Path:
    """Build the project's wheel into a folder; the same sources give the same bytes."""
    build = (_python(), "-m", "hatchling", "build", "--target", "wheel", "--directory", folder)
    run(*build, cwd=paths.REPOSITORY, env={"SOURCE_DATE_EPOCH": os.environ.get("SOURCE_DATE_EPOCH", "1580601600")})
    return next(folder.glob("crawlfleet-*.whl"))


def _python() -> Path:
    """Return the project's own Python, which has pip and hatchling."""
    python = paths.REPOSITORY / ".venv" / "bin" / "python"
    if not python.exists():
        raise ClusterError("building images needs the project's environment: tools/venv makes it (.venv)")
    return python
