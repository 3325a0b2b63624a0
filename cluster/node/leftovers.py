"""What does a node leave on the machine, however it ended, and how does it go?

Everything is found by looking at the machine (cgroups, mounts, links, namespaces), never by remembering what was made:
a run killed at any point is cleared like one that was taken down.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from cluster import paths
from cluster.errors import ClusterError
from cluster.node import cgroups, layout, ownership
from cluster.run import run

# Places that no setting of the programs moves; in them only what is provably dead or ours is touched.
_SHIM_SOCKETS = Path("/run/containerd/s")
_PLUGIN_SOCKETS = Path("/var/lib/kubelet/device-plugins")
_CONTAINER_LINKS = Path("/var/log/containers")
_NETWORK_RESULTS = Path("/var/lib/cni/results")


def clear() -> None:
    """Remove everything a node left, this checkout's and the one of whoever owned it last."""
    states = {paths.STATE, ownership.owner() or paths.STATE}
    cgroups.kill_all()
    _remove_network()
    _unmount({layout.RUN, *states})
    cgroups.remove()
    for path in list(_traces(states)):
        _remove(path)
    if layout.RUN.exists():
        shutil.rmtree(layout.RUN)
    for places in (_SHIM_SOCKETS, _PLUGIN_SOCKETS, _CONTAINER_LINKS):
        _remove_empty(places)


def found() -> list[str]:
    """Say, in words, everything there is that `clear` would remove (cgroups, links, mounts, files)."""
    states = {paths.STATE, ownership.owner() or paths.STATE}
    seen = [f"process {pid}" for pid in sorted(cgroups.processes())]
    seen += [f"mount {path}" for path in _mounts({layout.RUN, *states})]
    seen += [f"cgroup {path}" for path in layout.CGROUPS.glob(f"**/{layout.NAME}")]
    link = Path("/sys/class/net") / layout.HOST_LINK
    return (
        seen
        + [str(path) for path in (layout.NAMESPACE, link, layout.RUN) if path.exists()]
        + [str(path) for path in _traces(states)]
    )


def _remove_network() -> None:
    """Links, routes, rules and the pods' links all go with the namespace, or with the one end on the machine."""
    if (Path("/sys/class/net") / layout.HOST_LINK).exists():
        run("ip", "link", "delete", layout.HOST_LINK)
    if layout.NAMESPACE.exists():
        run("ip", "netns", "delete", layout.NAME)


def _unmount(directories: set[Path]) -> None:
    """Unmount everything below these directories; nothing below them may be deleted before."""
    while mounts := _mounts(directories):
        for mount in mounts:
            run("umount", "--lazy", mount, check=False)
        if _mounts(directories) == mounts:
            raise ClusterError(f"cannot unmount {mounts[0]}: something outside the cluster holds it")


def _mounts(directories: set[Path]) -> list[Path]:
    """Return the mount points below these directories, the deepest first."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    points = [Path(_unescape(line.split()[4])) for line in lines]
    below = [point for point in points if any(point.is_relative_to(directory) for directory in directories)]
    return sorted(below, reverse=True)


def _unescape(field: str) -> str:
    """Undo the kernel's octal escapes of blanks and backslashes."""
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        field = field.replace(code, character)
    return field


def _traces(states: set[Path]) -> Iterator[Path]:
    """Yield the files and directories that are the node's."""
    for state in states:
        if state.exists():
            yield from (path for path in state.iterdir() if path.name not in layout.KEPT)
    yield from _NETWORK_RESULTS.glob(f"{layout.NAME}-*")
    listening = _unix_sockets()
    for sockets in (_SHIM_SOCKETS, _PLUGIN_SOCKETS):
        yield from (path for path in sockets.glob("*") if path.is_socket() and str(path) not in listening)
    for link in _CONTAINER_LINKS.glob("*.log"):
        if link.is_symlink() and any(link.readlink().is_relative_to(state) for state in states):
            yield link


def _unix_sockets() -> str:
    """Return /proc/net/unix of every network namespace: each shows only its own, and shims listen in their node's."""
    tables: dict[int, str] = {}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            namespace = (process / "ns/net").stat().st_ino
            if namespace not in tables:
                tables[namespace] = (process / "net/unix").read_text()
    return "".join(tables.values())


def _remove_empty(place: Path) -> None:
    """Remove a directory that the programs made, and the one above it, unless something lives there."""
    for directory in (place, place.parent):
        try:
            directory.rmdir()
        except OSError:
            return


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
