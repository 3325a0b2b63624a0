"""Which cluster do commands and tests work on: the bundled one, or the one of the current kubeconfig?

`CLUSTER=current` chooses the second; everything else that differs between the two is behind `Target`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from cluster.errors import ClusterError


class Target(Protocol):
    """A cluster one can load images into and talk to."""

    kubeconfig: Path

    @property
    def prefix(self) -> str:
        """What image references begin with, such as `localhost/crawlfleet`."""

    def up(self, *, take_over: bool = False) -> None:
        """Make it answer, or say why it does not."""

    def down(self) -> None:
        """Take away what `up` made."""

    def status(self) -> int:
        """Print how it is; 0 when fit."""

    def load(self, archive: Path) -> str:
        """Bring an image to where its nodes find it, and return its reference there."""


def target() -> Target:
    """Return the cluster that the environment's CLUSTER chooses (`bundled` unless set)."""
    chosen = os.environ.get("CLUSTER") or "bundled"
    if chosen == "bundled":
        from cluster.target_bundled import BundledTarget  # noqa: PLC0415  # only what is wanted is loaded

        return BundledTarget()
    if chosen == "current":
        from cluster.target_current import CurrentTarget  # noqa: PLC0415

        return CurrentTarget()
    raise ClusterError(f"CLUSTER={chosen}: there are bundled (the default) and current (your kubeconfig's)")
