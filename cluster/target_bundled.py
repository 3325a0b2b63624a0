"""The bundled node as a target."""

from __future__ import annotations

import os
from pathlib import Path

from cluster import image_store, paths
from cluster.images import PREFIX
from cluster.node import lifecycle


class BundledTarget:
    """Images go straight into the node's store; no registry is involved."""

    kubeconfig = paths.KUBECONFIG
    prefix = PREFIX

    def up(self, *, take_over: bool = False) -> None:
        """Start the node. A continuous integration run (CI set) takes the machine over: nobody else works there."""
        lifecycle.up(take_over=take_over or bool(os.environ.get("CI")))

    def down(self) -> None:
        """Take the node away."""
        lifecycle.down()

    def status(self) -> int:
        """Print how the node is."""
        return lifecycle.status()

    def load(self, archive: Path) -> str:
        """Import an OCI archive, and return its reference."""
        lifecycle.load(archive)
        return image_store.archive_reference(archive)[0]
