"""How busy was the machine, and how much of that was this measurement?"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Load:
    """Shares of all cores while a block ran: 1 is all of them all the time."""

    machine: float = 0.0
    ours: float = 0.0
    """Of this process and its descendants, those that ended meanwhile left out."""


def prefer(nice: int = -10) -> bool:
    """Run this process, and what it starts, before other work of the machine; False where that is not allowed."""
    try:
        os.setpriority(os.PRIO_PROCESS, 0, nice)
    except PermissionError:
        return False
    return True


@contextmanager
def measured() -> Iterator[Load]:
    """Measure a block."""
    load, busy, total, ours = Load(), *_machine(), _ours()
    yield load
    busy_after, total_after = _machine()
    passed = max(1, total_after - total)
    load.machine = (busy_after - busy) / passed
    load.ours = max(0, _ours() - ours) / passed


def _machine() -> tuple[int, int]:
    """Return ticks busy, and all ticks, of all cores since the start."""
    fields = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    waiting = fields[3] + fields[4]
    return sum(fields) - waiting, sum(fields)


def _ours() -> int:
    """Return the ticks of this process and of all its descendants."""
    parents, ticks = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        pid = int(folder.name)
        parents[pid], ticks[pid] = int(fields[1]), int(fields[11]) + int(fields[12])
    return sum(spent for pid, spent in ticks.items() if _descends(pid, parents))


def _descends(pid: int, parents: dict[int, int]) -> bool:
    while pid and pid != os.getpid():
        pid = parents.get(pid, 0)
    return pid == os.getpid()
