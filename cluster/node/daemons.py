"""Which daemons has the node, and do they live?

They outlive the command that starts them. Each is known by its process id together with its start time, so that a
reused id is not taken for it.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from cluster.node import cgroups, layout

_REGISTER = layout.RUN / "daemons.json"


def start(argv: list[str]) -> None:
    """Start a daemon in the node's network and cgroup; its words go to `.cluster/logs/NAME.log`."""
    name = Path(argv[0]).name
    layout.LOGS.mkdir(parents=True, exist_ok=True)
    with (layout.LOGS / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            cgroups.joining(layout.in_network(*argv)),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            start_new_session=True,
        )
    _remember(name, process.pid)


def dead() -> list[str]:
    """Return the names of the daemons that were started and live no more."""
    return [name for name, (pid, begun) in _register().items() if _begun(pid) != begun]


def running() -> list[str]:
    """Return the names of the daemons that live."""
    gone = set(dead())
    return [name for name in _register() if name not in gone]


def death() -> str | None:
    """Say which daemon died, with its last words; None when all live."""
    for name in dead():
        last = (layout.LOGS / f"{name}.log").read_text(errors="replace").splitlines()[-5:]
        return f"{name} ended: " + " | ".join(last)
    return None


def _remember(name: str, pid: int) -> None:
    register = _register()
    register[name] = (pid, _begun(pid) or "")
    _REGISTER.write_text(json.dumps(register))


def _register() -> dict[str, tuple[int, str]]:
    try:
        return {name: (pid, begun) for name, (pid, begun) in json.loads(_REGISTER.read_text()).items()}
    except (FileNotFoundError, ValueError):
        return {}


def _begun(pid: int) -> str | None:
    """Return when a process began, in ticks since boot; None for one that is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]
