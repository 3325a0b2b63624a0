"""Whose node is it? One machine has room for one; the checkout that started it is written down."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster import paths
from cluster.errors import ClusterError
from cluster.locks import held
from cluster.node import cgroups, layout
from cluster.progress import say


def owner() -> Path | None:
    """Return the state directory of the checkout that started the node, or None when nobody wrote it down."""
    try:
        return Path(json.loads(layout.OWNER.read_text())["state"])
    except (FileNotFoundError, ValueError, KeyError):
        return None


def claim() -> None:
    """Write down that this checkout's node it is."""
    layout.RUN.mkdir(parents=True, exist_ok=True)
    layout.OWNER.write_text(json.dumps({"state": str(paths.STATE)}) + "\n")


def refuse_foreign(*, take_over: bool) -> None:
    """Raise when another checkout's node runs, unless it is to be taken over; a dead one is in nobody's way."""
    other = owner()
    if other is None or other == paths.STATE or not cgroups.processes():
        return
    if take_over:
        say(f"taking over from the checkout {other.parent}: its node goes")
        return
    raise ClusterError(
        f"a node of another checkout runs on this machine ({other.parent}). Take it down there "
        "(make cluster-down), or replace it: python3 -m cluster up --take-over"
    )


@contextmanager
def alone() -> Iterator[None]:
    """Keep two commands from starting or clearing at the same time; the second waits."""
    with held(layout.LOCK, "another command works on the node: waiting for it"):
        yield
