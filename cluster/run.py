"""How are other programs called, and conditions awaited?"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from cluster.errors import ClusterError, CommandError


def run(
    *argv: str | Path,
    stdin: str | None = None,
    check: bool = True,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float | None = 600,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end and capture what it says.

    `env` is added to the own environment, `timeout` is in seconds. With `check`, a status other than 0 raises
    CommandError, which shows the program's own words.
    """
    done = subprocess.run(
        [str(word) for word in argv],
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **(env or {})},
        cwd=cwd,
        timeout=timeout,
    )
    if check and done.returncode:
        raise CommandError(done.returncode, done.args, done.stdout, done.stderr)
    return done


def wait_until(
    condition: Callable[[], bool],
    what: str,
    timeout: float,
    abandon: Callable[[], str | None] = lambda: None,
) -> None:
    """Return as soon as the condition holds; ClusterError after `timeout` seconds.

    `abandon` may return a reason why waiting is pointless (a daemon that died); it is asked between two tries.
    """
    deadline = time.monotonic() + timeout
    pause = 0.02
    while not condition():
        reason = abandon()
        if reason:
            raise ClusterError(f"waiting for {what} is pointless: {reason}")
        if time.monotonic() > deadline:
            raise ClusterError(f"{what}: not within {timeout:.0f} s")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.5)
