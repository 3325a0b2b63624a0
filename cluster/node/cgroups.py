"""Which processes are the node's? Those in its cgroup: the daemons put there at start, pods by the kubelet.

Works on both layouts: one tree (cgroup v2) or a tree for each controller (v1).
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

from cluster.node import layout
from cluster.run import wait_until

_UNIFIED = layout.CGROUPS / "cgroup.controllers"
_GONE_SECONDS = 30
_WEIGHTS = {"cpu.shares": "4096", "cpu.weight": "400"}
"""The node's weight on a busy machine, four times one process' (v1, v2): it is many processes and one group."""


def create() -> None:
    """Make the node's cgroup in every tree, with a child for the daemons."""
    for tree in _trees():
        (tree / layout.NAME / "daemons").mkdir(parents=True, exist_ok=True)
        for setting in ("cpuset.cpus", "cpuset.mems"):  # v1: a new cpuset is empty and takes no process
            _copy(tree / setting, tree / layout.NAME / setting)
            _copy(tree / setting, tree / layout.NAME / "daemons" / setting)
        for setting, weight in _WEIGHTS.items():
            if (tree / layout.NAME / setting).exists():
                (tree / layout.NAME / setting).write_text(weight)


def joining(argv: list[str]) -> list[str]:
    """Return a command line that enters the daemons' cgroup and then becomes `argv`."""
    trees = [tree / layout.NAME / "daemons" / "cgroup.procs" for tree in _trees() if _holds_daemons(tree)]
    script = "".join(f"echo $$ > {procs}; " for procs in trees) + 'exec "$@"'
    return ["sh", "-c", script, "sh", *argv]


def processes() -> set[int]:
    """Return the ids of all processes that are the node's, daemons, shims and containers."""
    found: set[int] = set()
    for tree in _trees():
        for procs in (tree / layout.NAME).rglob("cgroup.procs"):
            found.update(_pids(procs))
    return found


def kill_all() -> None:
    """Kill all of them, however quickly they multiply, and wait for their end."""

    def none_left() -> bool:
        for pid in processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        return not processes()

    wait_until(none_left, "the end of the node's processes", _GONE_SECONDS)


def remove() -> None:
    """Remove the node's cgroups, deepest first; they have to be empty."""
    for tree in _trees():
        top = tree / layout.NAME
        for directory in sorted((path for path in top.rglob("*") if path.is_dir()), reverse=True):
            directory.rmdir()
        if top.exists():
            top.rmdir()


def _trees() -> list[Path]:
    if _UNIFIED.exists():
        return [layout.CGROUPS]
    trees = (path for path in sorted(layout.CGROUPS.iterdir()) if not path.is_symlink())
    return [tree for tree in trees if (tree / "cgroup.procs").exists()]


def _holds_daemons(tree: Path) -> bool:
    """On v1 one tree is enough to know the daemons by."""
    return tree == layout.CGROUPS or tree.name in {"pids", "memory"}


def _pids(procs: Path) -> list[int]:
    try:
        return [int(line) for line in procs.read_text().split()]
    except OSError:  # gone meanwhile, or a kind of group that lists none
        return []


def _copy(source: Path, destination: Path) -> None:
    if source.exists() and destination.exists() and not destination.read_text().strip():
        destination.write_text(source.read_text())
