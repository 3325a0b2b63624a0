"""How does a Go module become programs, once for all checkouts of a user?

The key of a build is a hash over everything in the module's directory and the build's flags, with the compiler's
release beside it. A build goes to a directory of its own and is renamed when complete: nobody meets half of one.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from cluster import locks, paths, toolchain
from cluster.errors import ClusterError, CommandError
from cluster.programs import Module
from cluster.progress import clock, say
from cluster.run import run

_FLAGS = ("-mod=readonly", "-trimpath", "-buildvcs=false")
_REPORT_SECONDS = 20


def ensure(module: Module) -> Path:
    """Return the directory that holds the module's programs, building them when no cache has them."""
    found = _cached(module)
    if found:
        return found
    with locks.building(module.name):
        return _cached(module) or _build(module)


def _cached(module: Module) -> Path | None:
    """Find a finished build; without a compiler at hand, one made by any release will do."""
    compiler = toolchain.find()
    suffix = toolchain.release(compiler) if compiler else "*"
    return next(iter(sorted(_shelf().glob(f"{_key(module)}-{suffix}"))), None)


def _shelf() -> Path:
    return paths.cache() / "bin"


def _key(module: Module) -> str:
    digest = hashlib.sha256(repr((_FLAGS, module.linker_flags, sorted(module.packages.items()))).encode())
    for file in sorted(module.directory.iterdir()):
        if file.name in {"go.mod", "go.sum"} or file.suffix == ".go":
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return f"{module.name}-{digest.hexdigest()[:16]}"


def _build(module: Module) -> Path:
    compiler = toolchain.go()
    finished = _shelf() / f"{_key(module)}-{toolchain.release(compiler)}"
    _shelf().mkdir(parents=True, exist_ok=True)
    unfinished = f".building-{module.name}-"
    for killed in _shelf().glob(f"{unfinished}*"):  # the caller holds the lock: nobody works there any more
        shutil.rmtree(killed)
    say(f"building {module.name} (about {module.usual_minutes} min from an empty cache) …")
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=unfinished, dir=_shelf()) as scratch:
        directory = Path(scratch) / "bin"
        directory.mkdir()
        for program, package in module.packages.items():
            _compile(compiler, module, package, directory / program)
        directory.rename(finished)
    say(f"building {module.name}: done in {clock(time.monotonic() - begin)}")
    return finished


def _compile(compiler: Path, module: Module, package: str, output: Path) -> None:
    flags = (*_FLAGS, "-ldflags", f"-s -w {module.linker_flags}".strip())
    argv = [str(compiler), "build", "-v", *flags, "-o", str(output), package]
    environment = {**os.environ, **toolchain.environment()}
    compiling = subprocess.Popen(
        argv, cwd=module.directory, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    report = _Report(output.name)
    said = report.follow(compiling)
    if compiling.wait():
        raise ClusterError(f"building {output.name} from {module.directory}: {' '.join(argv)}\n{said}")


class _Report:
    """Tells every few seconds how far a build is: how many packages the compiler has named."""

    def __init__(self, program: str) -> None:
        self._program = program
        self._begin = time.monotonic()
        self._lines: list[str] = []

    def follow(self, compiling: subprocess.Popen[str]) -> str:
        """Read the compiler's words to their end and return the last of them."""
        ended = threading.Event()
        teller = threading.Thread(target=self._tell, args=(ended,), daemon=True)
        teller.start()
        for line in compiling.stderr or ():
            self._lines.append(line)
        ended.set()
        teller.join()
        return "".join(self._lines[-30:])

    def _tell(self, ended: threading.Event) -> None:
        while not ended.wait(_REPORT_SECONDS):
            elapsed = clock(time.monotonic() - self._begin)
            say(f"  {self._program}: {len(self._lines)} packages fetched or compiled, {elapsed}")


def link(module: Module) -> None:
    """Make the module's programs callable from `.cluster/bin`."""
    directory = ensure(module)
    paths.BIN.mkdir(parents=True, exist_ok=True)
    for name, program in module.links().items():
        _point(paths.BIN / name, directory / program)


def _point(link_path: Path, target: Path) -> None:
    if link_path.is_symlink() and link_path.readlink() == target:
        return
    temporary = link_path.with_name(f".{link_path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.rename(link_path)


def size() -> str:
    """Return how much the cache holds, as `du` says it."""
    if not paths.cache().exists() or not shutil.which("du"):
        return "empty"
    try:
        return run("du", "-sh", paths.cache()).stdout.split()[0]
    except CommandError:
        return "unknown"
