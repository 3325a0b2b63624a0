"""How do runs that share the cache keep out of each other's way?"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster import paths
from cluster.progress import say


@contextmanager
def building(what: str) -> Iterator[None]:
    """Hold the cache's lock of this name: a second run waits and then finds the result."""
    with held(paths.cache() / "locks" / what, f"another run builds {what}: waiting for it"):
        yield


@contextmanager
def held(path: Path, while_waiting: str) -> Iterator[None]:
    """Hold a lock file; say something when that takes a wait. The kernel frees it however its holder ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(while_waiting)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
