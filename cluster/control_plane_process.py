"""The process that owns a control plane: starts etcd, API server and controllers, and never outlives its caller.

It ends all three when told to (SIGTERM), when its standard input closes (`until_input_closes`) or when its parent
is gone. Were it killed itself, the kernel kills the three: each is started with a parent-death signal, from the main
thread, which lives as long as the process.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from cluster import components, machine, tools
from cluster.components import Identities, Plan
from cluster.endpoints import answers
from cluster.errors import ClusterError
from cluster.progress import say
from cluster.run import wait_until

READY = "ready"
_START_SECONDS = 90
_ATTEMPTS = 3  # a free port may be taken between looking and listening
_LEAVE_SECONDS = 5


def serve(directory: Path, *, until_input_closes: bool = False) -> int:
    """Run a control plane in `directory` until it is time to go, and return an exit status.

    Prints one line, `ready URL`, to standard output once everything answers.
    """
    machine.require_programs(machine.CONTROL_PLANE)
    tools.ensure("control-plane")
    leave = _leave_on_signals()
    parent = os.getppid()
    parts: list[_Part] = []
    try:
        plan = _start(directory, parts)
        print(READY, plan.url, flush=True)
        return _stay(leave, parts, parent, until_input_closes)
    except ClusterError as error:
        print(f"control plane in {directory}: {error}", file=sys.stderr)
        return 1
    finally:
        _end(parts)
        shutil.rmtree(directory / "etcd", ignore_errors=True)


class _Part:
    """One daemon and its log."""

    def __init__(self, argv: list[str], directory: Path) -> None:
        self.name = Path(argv[0]).name
        self.log = directory / f"{self.name}.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *argv],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=directory,
                start_new_session=True,
            )

    def death(self) -> str | None:
        """Say how it died, with its last words; None while it lives."""
        if self.process.poll() is None:
            return None
        last = self.log.read_text(errors="replace").splitlines()[-5:]
        return f"{self.name} ended with status {self.process.returncode}: " + " | ".join(last)


def _start(directory: Path, parts: list[_Part]) -> Plan:
    for attempt in range(_ATTEMPTS):
        try:
            return _start_once(directory, parts)
        except ClusterError as error:
            _end(parts)
            if attempt + 1 == _ATTEMPTS or "address already in use" not in str(error):
                raise
            say(f"a port was taken meanwhile, once more: {error}")
    raise AssertionError("the last attempt raises")


def _start_once(directory: Path, parts: list[_Part]) -> Plan:
    directory.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(directory / "etcd", ignore_errors=True)
    api_port, etcd_port = _free_ports(2)
    plan = Plan(directory, "127.0.0.1", api_port, etcd_port)
    parts.append(_Part(components.etcd(plan), directory))
    identities = components.create_identities(plan)
    _await(parts, "etcd", lambda: answers(f"{plan.etcd_url}/health"))
    parts.append(_Part(_apiserver(plan, identities), directory))
    _await(parts, "the API server", lambda: _get(plan, identities, "/readyz"))
    parts.append(_Part(components.controller_manager(plan, identities), directory))
    _await(parts, "the controllers", lambda: _get(plan, identities, _MADE_BY_CONTROLLERS))
    return plan


_MADE_BY_CONTROLLERS = "/api/v1/namespaces/default/serviceaccounts/default"


def _apiserver(plan: Plan, identities: Identities) -> list[str]:
    return [*components.apiserver(plan, identities), "--endpoint-reconciler-type=none"]


def _get(plan: Plan, identities: Identities, path: str) -> bool:
    return answers(plan.url + path, identities.authority.root.certificate, identities.admin)


def _await(parts: list[_Part], what: str, condition: Callable[[], bool]) -> None:
    def death() -> str | None:
        return next(filter(None, (part.death() for part in parts)), None)

    wait_until(condition, what, _START_SECONDS, abandon=death)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for free in sockets:
        free.bind(("127.0.0.1", 0))
    ports = [free.getsockname()[1] for free in sockets]
    for free in sockets:
        free.close()
    return ports


def _leave_on_signals() -> threading.Event:
    leave = threading.Event()

    def note(_signal: int, _frame: FrameType | None) -> None:
        leave.set()

    for wanted in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(wanted, note)
    return leave


def _stay(leave: threading.Event, parts: list[_Part], parent: int, until_input_closes: bool) -> int:
    """Return 0 when it is time to go, 1 when a part died by itself."""
    while not leave.is_set():
        for death in filter(None, (part.death() for part in parts)):
            print(f"control plane: {death}", file=sys.stderr)
            return 1
        if os.getppid() != parent or (until_input_closes and _input_closed()):
            return 0
        if not until_input_closes:
            leave.wait(0.5)
    return 0


def _input_closed() -> bool:
    """Wait up to half a second for the caller to close our standard input (it never writes any)."""
    try:
        readable, _, _ = select.select([sys.stdin], [], [], 0.5)
    except InterruptedError:
        return False
    return bool(readable) and not os.read(sys.stdin.fileno(), 4096)


def _end(parts: list[_Part]) -> None:
    """End the parts in reverse order; a control plane of tests has nothing to save, so politely but briefly."""
    for part in reversed(parts):
        part.process.terminate()
    for part in reversed(parts):
        try:
            part.process.wait(_LEAVE_SECONDS if part.name != "kube-apiserver" else 1)
        except subprocess.TimeoutExpired:
            part.process.kill()
            part.process.wait()
    parts.clear()
