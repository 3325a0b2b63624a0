"""What is in the image that all others stand on? Debian's smallest variant, Python, certificates."""

from __future__ import annotations

import hashlib
from pathlib import Path

from cluster import locks, paths
from cluster.progress import step
from cluster.run import run

SUITE = "bookworm"
_OPTIONS = (
    "--variant=minbase",
    "--include=python3,ca-certificates",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/info/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-include=/usr/share/doc/*/copyright",
    '--customize-hook=rm -rf "$1"/var/log/*.log "$1"/var/log/apt "$1"/var/cache/debconf/*-old',
)


def make_base_tar() -> Path:
    """Return the tar of the root file system, named after its recipe; made on the first call (about 30 s)."""
    recipe = hashlib.sha256(repr((SUITE, _OPTIONS)).encode()).hexdigest()[:24]
    finished = paths.cache() / "base" / recipe / "base.tar"
    if not finished.exists():
        with locks.building("base"):
            _make(finished)
    return finished


def _make(finished: Path) -> None:
    if finished.exists():
        return
    finished.parent.mkdir(parents=True, exist_ok=True)
    unfinished = finished.with_name(".unfinished.tar")
    with step("Debian base file system (mmdebstrap)"):
        run("mmdebstrap", "--mode=root", *_OPTIONS, SUITE, unfinished, timeout=900)
    unfinished.rename(finished)
