"""What did a process use, whoever started it? CPU time by the kernel's word."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tests.servers.site import NginxSite

TICKS: Final = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return user and system time of these processes, without that of their children."""
    return sum(sum(map(int, _fields(pid)[11:13])) for pid in pids) / TICKS


def site_processes(site: NginxSite) -> list[int]:
    """Return nginx' processes: its master and the workers of that."""
    master = int((site.log_file.parent / "nginx.pid").read_text())
    return [master, *children(master)]


def children(parent: int) -> list[int]:
    """Return the processes that this one has started and that still run."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if int(_fields(int(folder.name))[1]) == parent:
                found.append(int(folder.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def _fields(pid: int) -> list[str]:
    """Return the fields of its `stat` from the third on: proc(5), without the name, which may hold anything."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
